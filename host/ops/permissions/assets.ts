import { RETRY_STREAM } from '../../broker/stream-state';
import {
  AUDIT_STREAM,
  AUDIT_SUBJECT,
  logStreamName,
  logSubject,
  logTailSubject,
  RECORDS_BUCKET,
  RUNS_STREAM,
} from '../../nats/wanted-streams';
import type { Grants } from './grants';
import { durablesOf, type PluginScope, type Scope } from './scope';
import type { Subjects } from './subjects';

/** The stream of the records of attempts, of settled events and of contracts. */
export const RECORDS_STREAM = `KV_${RECORDS_BUCKET}`;

/** The stream under the bucket of a plugin. */
export function bucketStreamOf({ plugin }: PluginScope): string {
  return `KV_jetplug-${plugin}`;
}

/** The streams that a host creates, those under buckets included. Not among them is the stream of the audit. */
export function ownStreams({ config, plugins }: Scope): string[] {
  return [
    ...config.streams.filter(({ manage }) => manage).map(({ name }) => name),
    config.deadLetters.stream,
    RETRY_STREAM,
    RECORDS_STREAM,
    ...(config.tracing.sample === undefined ? [] : [RUNS_STREAM]),
    ...plugins.flatMap((plugin) => [logStreamName(plugin.plugin), bucketStreamOf(plugin)]),
  ];
}

/** The creation and the change of streams and durables, by a host or by `jetplug apply`. */
export function changes(scope: Scope, subjects: Subjects): Grants {
  return {
    purpose: 'create and update streams, buckets and durables',
    publish: [
      ...ownStreams(scope).flatMap((stream) => subjects.stream(stream, 'CREATE', 'UPDATE')),
      ...scope.plugins.flatMap(durablesOf).flatMap((durable) => [
        ...subjects.create(durable),
        // A new durable of a retry queue gets the pause of its handler.
        ...subjects.consumer(durable, 'DELETE', 'PAUSE'),
      ]),
    ],
  };
}

/** The commit log and the bucket of a plugin, to read and to write. */
export function store(plugin: PluginScope, subjects: Subjects): Required<Grants> {
  const [log, bucket] = [logStreamName(plugin.plugin), bucketStreamOf(plugin)];
  return {
    purpose: `the commit log and the bucket of ${plugin.plugin}`,
    publish: [
      subjects.bucket(logSubject(plugin.plugin)),
      ...subjects.stream(log, 'INFO', 'MSG.GET', 'PURGE'),
      ...subjects.direct(log),
      subjects.bucket(`$KV.jetplug-${plugin.plugin}.>`),
      ...subjects.stream(bucket, 'INFO', 'MSG.GET'),
      ...subjects.direct(bucket),
      ...subjects.keys(bucket),
    ],
    subscribe: [logTailSubject(plugin.plugin)],
  };
}

/** The records of hosts, to read. */
export function records(subjects: Subjects): string[] {
  return [
    ...subjects.stream(RECORDS_STREAM, 'INFO', 'MSG.GET'),
    ...subjects.api(`DIRECT.GET.${RECORDS_STREAM}.>`),
    ...subjects.keys(RECORDS_STREAM),
  ];
}

/** The records of changes. The first recorded change creates their stream. */
export function audit({ config }: Scope, subjects: Subjects): Grants {
  return {
    purpose: 'the records of changes: read them, and record each change',
    publish: [
      AUDIT_SUBJECT,
      ...subjects.stream(AUDIT_STREAM, 'INFO', ...(config.deploy.bindOnly ? [] : ['CREATE', 'UPDATE'])),
      ...subjects.direct(AUDIT_STREAM),
    ],
  };
}
