import { RETRY_STREAM } from '../../broker/stream-state';
import { RECORDS_BUCKET } from '../../nats/wanted-streams';
import { audit, bucketStreamOf, changes, ownStreams, records } from './assets';
import { distinct, type Grants, type Permissions } from './grants';
import { durablesOf, type Scope } from './scope';
import { Subjects } from './subjects';

/**
 * The permissions for `jetplug plan`, `apply` and `adopt`: to create, change and delete the streams, buckets and durables
 * of the config and the plugins. The names of orphans are not known. So every durable on the deployment's own streams
 * may be deleted, and no stream that neither the config nor a plugin needs.
 */
export function deployerPermissions(scope: Scope): Permissions {
  const subjects = new Subjects(scope.config);
  const grants: Grants[] = [
    { purpose: 'connect, find streams and durables', publish: subjects.lists(), subscribe: [subjects.inboxes] },
    reads(scope, subjects),
    deletions(scope, subjects),
    adoptions(scope, subjects),
    changes(scope, subjects),
    {
      purpose: 'the newest config of the deployment, and the positions of durables',
      publish: [subjects.bucket(`$KV.${RECORDS_BUCKET}.>`), ...records(subjects)],
    },
    // `apply` creates the stream of the audit, even where hosts create nothing.
    audit({ ...scope, config: { ...scope.config, deploy: { ...scope.config.deploy, bindOnly: false } } }, subjects),
  ];
  return { grants: distinct(grants), denied: [] };
}

function reads(scope: Scope, subjects: Subjects): Grants {
  const others = scope.config.streams.filter(({ manage }) => !manage).map(({ name }) => name);
  return {
    purpose: 'compare the server with the config, and count the events that a change concerns',
    publish: [
      ...[...ownStreams(scope), ...others].flatMap((stream) => [
        ...subjects.stream(stream, 'INFO'),
        // The server counts the events for a short-lived consumer with a random name.
        ...subjects.api(`CONSUMER.CREATE.${stream}`),
      ]),
      ...[RETRY_STREAM, ...scope.plugins.map(bucketStreamOf)].flatMap((stream) => subjects.stream(stream, 'MSG.GET')),
      // A plan tests changed contracts on stored events.
      ...[...scope.config.streams.map(({ name }) => name), ...scope.plugins.map(bucketStreamOf)].flatMap((stream) =>
        subjects.direct(stream),
      ),
    ],
  };
}

function deletions(scope: Scope, subjects: Subjects): Grants {
  return {
    purpose: 'delete streams and buckets to create them again, and the durables of handlers that are gone',
    publish: [
      ...ownStreams(scope).flatMap((stream) => [
        ...subjects.stream(stream, 'DELETE'),
        ...subjects.api(`CONSUMER.INFO.${stream}.*`, `CONSUMER.DELETE.${stream}.*`),
      ]),
      // On a stream that others manage, only the durables of the plugins.
      ...scope.plugins.flatMap(durablesOf).flatMap((durable) => subjects.consumer(durable, 'INFO', 'DELETE')),
    ],
  };
}

function adoptions({ plugins }: Scope, subjects: Subjects): Grants {
  return {
    purpose: 'adopt durables, which may have another filter than their handler',
    publish: plugins
      .flatMap(durablesOf)
      .flatMap(({ stream, durable }) => subjects.api(`CONSUMER.CREATE.${stream}.${durable}.>`)),
  };
}
