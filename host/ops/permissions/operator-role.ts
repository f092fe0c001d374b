import { RETRY_STREAM } from '../../broker/stream-state';
import type { Config, StreamConfig } from '../../config/config';
import { CONFIG_SUBJECTS } from '../../nats/config-generation';
import { SERVICE } from '../../nats/service';
import { RUNS_STREAM } from '../../nats/wanted-streams';
import { audit, bucketStreamOf, records, store } from './assets';
import { distinct, type Grants, type Permissions } from './grants';
import { durablesOf, retryDurables, type PluginScope, type Scope } from './scope';
import { Subjects } from './subjects';

/** The permissions for `jetplug page`, and for all commands but `apply` and `adopt`. */
export function operatorPermissions(scope: Scope): Permissions {
  const { config, plugins } = scope;
  const subjects = new Subjects(config);
  const grants: Grants[] = [
    connection(scope, subjects),
    ...config.streams.map((stream) => events(stream, subjects)),
    ...plugins.map((plugin) => handlers(plugin, config, subjects)),
    ...plugins.map((plugin) => values(plugin, subjects)),
    letters(config, subjects),
    hostRecords(subjects),
    audit(scope, subjects),
  ];
  return { grants: distinct(grants), denied: [] };
}

function connection({ endpoints }: Scope, subjects: Subjects): Grants {
  return {
    purpose: 'connect, find streams and durables, and ask the hosts',
    publish: [...subjects.lists(), ...endpoints.map((endpoint) => `${SERVICE}.${endpoint}`), CONFIG_SUBJECTS],
    subscribe: [subjects.inboxes],
  };
}

function events({ name, subjects: events }: StreamConfig, subjects: Subjects): Grants {
  return {
    purpose: `the stream ${name}: publish, read and count events`,
    publish: [
      ...events,
      ...subjects.stream(name, 'INFO', 'MSG.GET'),
      ...subjects.direct(name),
      // The server counts the events for a consumer that it deletes after some seconds.
      ...subjects.api(`CONSUMER.CREATE.${name}`),
    ],
  };
}

function handlers(plugin: PluginScope, { deploy }: Config, subjects: Subjects): Grants {
  return {
    purpose: `the handlers of ${plugin.plugin}: pause them, redrive dead letters`,
    publish: [
      ...durablesOf(plugin).flatMap((durable) => subjects.consumer(durable, 'INFO', 'PAUSE')),
      // A redrive creates the durable of a retry queue that has never held an event.
      ...(deploy.bindOnly ? [] : retryDurables(plugin).flatMap((durable) => subjects.create(durable))),
      ...plugin.handlers.map(({ handler }) => `retry.${plugin.plugin}.${handler}.>`),
    ],
  };
}

function values(plugin: PluginScope, subjects: Subjects): Grants {
  const { publish, ...others } = store(plugin, subjects);
  return { ...others, publish: [...publish, ...subjects.stream(bucketStreamOf(plugin), 'PURGE')] };
}

function letters({ deadLetters: { stream } }: Config, subjects: Subjects): Grants {
  return {
    purpose: 'dead letters and retry queues: read and remove them',
    publish: [
      ...[stream, RETRY_STREAM].flatMap((one) => subjects.stream(one, 'INFO', 'MSG.GET', 'MSG.DELETE')),
      ...subjects.direct(stream),
      // A short-lived consumer with a random name lists the letters.
      ...subjects.api(`CONSUMER.CREATE.${stream}.*`, `CONSUMER.MSG.NEXT.${stream}.*`),
    ],
  };
}

function hostRecords(subjects: Subjects): Grants {
  return {
    purpose: 'the records of the hosts: read them',
    publish: [...records(subjects), ...subjects.stream(RUNS_STREAM, 'INFO'), ...subjects.direct(RUNS_STREAM)],
  };
}
