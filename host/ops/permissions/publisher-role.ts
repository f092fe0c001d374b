import { distinct, type Permissions } from './grants';
import type { Scope } from './scope';
import { Subjects } from './subjects';

/**
 * The permissions of a program that publishes events, with `jetplug/client` or any client of NATS. Its inboxes are the
 * default ones.
 */
export function publisherPermissions({ config }: Scope): Permissions {
  const subjects = new Subjects(config);
  const { inboxes, defaultInboxes } = subjects;
  const grants = [
    {
      purpose: 'connect, and find the stream of a subject',
      publish: subjects.api('INFO', 'STREAM.NAMES'),
      subscribe: [defaultInboxes],
    },
    ...config.streams.map(({ name, subjects: events }) => ({
      purpose: `publish the events of the stream ${name}`,
      publish: events,
    })),
  ];
  // The inboxes of the hosts get the events that the server delivers to them.
  return { grants: distinct(grants), denied: inboxes === defaultInboxes ? [] : [inboxes] };
}
