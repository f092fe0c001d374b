import { RETRY_STREAM } from '../../broker/stream-state';
import type { Config, StreamConfig } from '../../config/config';
import { CONFIG_SUBJECTS } from '../../nats/config-generation';
import { presenceSubject } from '../../nats/host-presence';
import { SERVICE } from '../../nats/service';
import { RECORDS_BUCKET, RUN_SUBJECTS, RUNS_STREAM } from '../../nats/wanted-streams';
import { changes, records, RECORDS_STREAM, store } from './assets';
import { distinct, type Grants, type Permissions } from './grants';
import { operatorPermissions } from './operator-role';
import { durablesOf, type PluginScope, type Scope } from './scope';
import { Subjects } from './subjects';

/** The kinds of requests that every micro service answers (ADR-32). */
const SERVICE_REQUESTS = ['PING', 'INFO', 'STATS'];

/**
 * The permissions of a host. With its HTTP server they include those of an operator, because the page makes the
 * operators' changes through the connection of the host. With `deploy.bindOnly` they let it create and change no stream
 * and no durable.
 */
export function hostPermissions(scope: Scope): Permissions {
  const { config, plugins } = scope;
  const subjects = new Subjects(config);
  const grants: Grants[] = [
    connection(scope, subjects),
    ...(config.deploy.bindOnly ? [] : [changes(scope, subjects)]),
    ...config.streams.map((stream) => events(stream, subjects)),
    ...plugins.map((plugin) => handlers(plugin, subjects)),
    ...plugins.map((plugin) => values(plugin, subjects)),
    letters(config, subjects),
    retries(subjects),
    ownRecords(subjects),
    ...(config.tracing.sample === undefined ? [] : [runs(subjects)]),
    ...(config.http.listen === '' ? [] : operatorPermissions(scope).grants),
  ];
  return { grants: distinct(grants), denied: [] };
}

function connection({ config, endpoints, plugins }: Scope, subjects: Subjects): Grants {
  // The hosts spread the handlers that run on one host at a time.
  const handlers = plugins.flatMap((plugin) => plugin.handlers);
  const presence = handlers.some(({ isPinned, isLeased }) => isPinned || isLeased)
    ? [presenceSubject(config.deploy.name)]
    : [];
  return {
    purpose: 'connect, find streams, and answer the commands, the page and other programs',
    publish: [
      ...subjects.api('INFO', 'STREAM.NAMES'),
      // A start that creates nothing looks for everything that is missing.
      ...(config.deploy.bindOnly ? subjects.api('STREAM.LIST', 'CONSUMER.LIST.*') : []),
      subjects.inboxes,
      subjects.defaultInboxes,
      CONFIG_SUBJECTS,
      ...presence,
    ],
    subscribe: [
      subjects.inboxes,
      CONFIG_SUBJECTS,
      ...presence,
      ...endpoints.map((endpoint) => `${SERVICE}.${endpoint}`),
      ...SERVICE_REQUESTS.flatMap((kind) =>
        ['', `.${SERVICE}`, `.${SERVICE}.*`].map((whose) => `$SRV.${kind}${whose}`),
      ),
    ],
  };
}

function events({ name, subjects: events }: StreamConfig, subjects: Subjects): Grants {
  return {
    purpose: `the stream ${name}: publish the events of plugins, read events, list durables`,
    publish: [
      ...events,
      ...subjects.stream(name, 'INFO', 'MSG.GET'),
      ...subjects.api(`CONSUMER.LIST.${name}`),
      // A short-lived consumer with a random name finds the events that a handler published before a crash.
      ...subjects.api(`CONSUMER.CREATE.${name}`, `CONSUMER.INFO.${name}.*`, `CONSUMER.MSG.NEXT.${name}.*`),
    ],
  };
}

function handlers(plugin: PluginScope, subjects: Subjects): Grants {
  return {
    purpose: `the handlers of ${plugin.plugin}: their durables, retries and dead letters`,
    publish: [
      ...durablesOf(plugin).flatMap((durable) => [
        ...subjects.consumer(durable, 'INFO', 'MSG.NEXT', ...(durable.isPinned ? ['UNPIN', 'RESET'] : [])),
        ...subjects.acks(durable),
      ]),
      ...plugin.handlers.flatMap(({ handler }) =>
        ['retry', 'dead'].map((queue) => `${queue}.${plugin.plugin}.${handler}.>`),
      ),
    ],
  };
}

function values(plugin: PluginScope, subjects: Subjects): Grants {
  const { subscribe, ...others } = store(plugin, subjects);
  return { ...others, subscribe: [...subscribe, subjects.bucket(`$KV.jetplug-${plugin.plugin}.>`)] };
}

function letters({ deadLetters }: Config, subjects: Subjects): Grants {
  return {
    purpose: `the stream ${deadLetters.stream} of the dead letters`,
    publish: subjects.stream(deadLetters.stream, 'INFO', 'MSG.GET', 'MSG.DELETE'),
  };
}

function retries(subjects: Subjects): Grants {
  return {
    purpose: 'the retry queues',
    publish: [...subjects.stream(RETRY_STREAM, 'INFO', 'MSG.GET'), ...subjects.api(`CONSUMER.LIST.${RETRY_STREAM}`)],
    subscribe: ['retry.>'],
  };
}

function ownRecords(subjects: Subjects): Grants {
  return {
    purpose: 'the records of attempts, of settled events and of contracts',
    publish: [
      subjects.bucket(`$KV.${RECORDS_BUCKET}.>`),
      ...records(subjects),
      ...subjects.stream(RECORDS_STREAM, 'PURGE'),
    ],
  };
}

function runs(subjects: Subjects): Grants {
  return { purpose: 'the records of runs', publish: [`${RUN_SUBJECTS}.*`, ...subjects.stream(RUNS_STREAM, 'INFO')] };
}
