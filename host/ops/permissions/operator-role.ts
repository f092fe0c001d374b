import { RETRY_STREAM } from '../../broker/stream-state';
import type { Config, StreamConfig } from '../../config/config';
import { CONFIG_SUBJECTS } from '../../nats/config-generation';
import { SERVICE } from '../../nats/service';
import {
  AUDIT_STREAM,
  AUDIT_SUBJECT,
  logStreamName,
  logSubject,
  logTailSubject,
  RECORDS_BUCKET,
  RUNS_STREAM,
} from '../../nats/wanted-streams';
import { distinct, type Grants, type Permissions } from './grants';
import { retryDurables, type PluginScope, type Scope } from './scope';
import { Subjects } from './subjects';

/** The permissions for the commands and for `jetplug page`. */
export function operatorPermissions(scope: Scope): Permissions {
  const { config, plugins } = scope;
  const subjects = new Subjects(config);
  const grants: Grants[] = [
    connection(scope, subjects),
    ...config.streams.map((stream) => events(stream, subjects)),
    ...plugins.map((plugin) => handlers(plugin, subjects)),
    ...plugins.map((plugin) => store(plugin, subjects)),
    letters(config, subjects),
    records(subjects),
  ];
  return { grants: distinct(grants), denied: [] };
}

function connection({ endpoints }: Scope, subjects: Subjects): Grants {
  return {
    purpose: 'connect, find streams and durables, and ask the hosts',
    publish: [
      ...subjects.api('INFO', 'STREAM.NAMES', 'STREAM.LIST', 'CONSUMER.LIST.*'),
      ...endpoints.map((endpoint) => `${SERVICE}.${endpoint}`),
      CONFIG_SUBJECTS,
    ],
    subscribe: [subjects.inboxes],
  };
}

function events({ name, subjects: events }: StreamConfig, subjects: Subjects): Grants {
  return {
    purpose: `the stream ${name}: publish, read and count events, adopt the stream`,
    publish: [
      ...events,
      ...subjects.stream(name, 'INFO', 'MSG.GET', 'UPDATE'),
      ...subjects.direct(name),
      // The server counts the events for a consumer that it deletes after some seconds.
      ...subjects.api(`CONSUMER.CREATE.${name}`),
    ],
  };
}

function handlers(plugin: PluginScope, subjects: Subjects): Grants {
  const durables = [...plugin.handlers, ...retryDurables(plugin)];
  return {
    purpose: `the handlers of ${plugin.plugin}: pause and adopt their durables, redrive dead letters`,
    publish: [
      ...durables.flatMap((durable) => [...subjects.create(durable), ...subjects.consumer(durable, 'INFO', 'PAUSE')]),
      ...plugin.handlers.map(({ handler }) => `retry.${plugin.plugin}.${handler}.>`),
    ],
  };
}

function store({ plugin }: PluginScope, subjects: Subjects): Grants {
  const [log, bucket] = [logStreamName(plugin), `KV_jetplug-${plugin}`];
  return {
    purpose: `the store of ${plugin}: read, change and adopt it`,
    publish: [
      subjects.bucket(logSubject(plugin)),
      subjects.bucket(`$KV.jetplug-${plugin}.>`),
      ...[log, bucket].flatMap((stream) => [
        ...subjects.stream(stream, 'INFO', 'MSG.GET', 'PURGE', 'UPDATE'),
        ...subjects.direct(stream),
      ]),
      ...subjects.keys(bucket),
    ],
    subscribe: [logTailSubject(plugin)],
  };
}

function letters({ deadLetters: { stream } }: Config, subjects: Subjects): Grants {
  return {
    purpose: 'dead letters and retry queues: read, remove and adopt them',
    publish: [
      ...[stream, RETRY_STREAM].flatMap((one) => subjects.stream(one, 'INFO', 'MSG.GET', 'MSG.DELETE', 'UPDATE')),
      ...subjects.direct(stream),
      // A short-lived consumer with a random name lists the letters.
      ...subjects.api(`CONSUMER.CREATE.${stream}.*`, `CONSUMER.MSG.NEXT.${stream}.*`),
    ],
  };
}

function records(subjects: Subjects): Grants {
  const bucket = `KV_${RECORDS_BUCKET}`;
  return {
    purpose: 'the records of the hosts and of changes: read them, and record each change',
    publish: [
      ...subjects.stream(bucket, 'INFO', 'MSG.GET', 'UPDATE'),
      ...subjects.api(`DIRECT.GET.${bucket}.>`),
      ...subjects.keys(bucket),
      ...subjects.stream(RUNS_STREAM, 'INFO'),
      ...subjects.direct(RUNS_STREAM),
      AUDIT_SUBJECT,
      ...subjects.stream(AUDIT_STREAM, 'INFO', 'CREATE', 'UPDATE'),
      ...subjects.direct(AUDIT_STREAM),
    ],
  };
}
