import { covers } from '../../../sdk/internal';
import { loadConfig } from '../../../host/config/load';
import { distinct } from '../../../host/ops/permissions/grants';
import { permissionsOf, ROLES, type Role } from '../../../host/ops/permissions/roles';
import type { Scope } from '../../../host/ops/permissions/scope';

const PLUGINS = [
  {
    plugin: 'badge',
    handlers: [
      { handler: 'award', durable: 'badge-award', subject: 'video.watched', stream: 'EVENTS', isPinned: false },
      { handler: 'rank', durable: 'badge-rank', subject: 'video.rated', stream: 'EVENTS', isPinned: true },
    ],
  },
];

/** The config with these variables. */
function scope(env: NodeJS.ProcessEnv = {}): Scope {
  const { config } = loadConfig({ cwd: __dirname, env });
  const events = {
    ...{ name: 'EVENTS', subjects: ['video.>'], maxAgeMs: 1, maxBytes: 1, duplicateWindowMs: 1 },
    ...{ storage: 'file' as const, replicas: 1, manage: true },
  };
  return { config: { ...config, streams: [events] }, plugins: PLUGINS, endpoints: ['plugins'] };
}

function publishes(role: Role, of: Scope): string[] {
  return permissionsOf(role, of).grants.flatMap(({ publish }) => publish);
}

function subscribes(role: Role, of: Scope): string[] {
  return permissionsOf(role, of).grants.flatMap(({ subscribe }) => subscribe);
}

test('a host without its page has only the permissions of its own work', () => {
  const of = scope({ JETPLUG_HTTP_LISTEN: 'off' });
  expect({ publish: publishes('host', of), subscribe: subscribes('host', of) }).toMatchSnapshot();
});

test('a host with its page may do what an operator may', () => {
  const of = scope();
  const own = publishes('host', of);
  const missing = publishes('operator', of).filter((subject) => !own.some((granted) => covers(granted, subject)));
  expect(missing).toEqual([]);
});

test('an operator, a publisher and a deployer have the subjects of their work', () => {
  const of = scope();
  for (const role of ['operator', 'publisher', 'deployer'] as const) {
    expect({ role, publish: publishes(role, of), subscribe: subscribes(role, of) }).toMatchSnapshot();
  }
});

test.each(['host', 'deployer'] as const)('a stream that others manage is not changed by the %s', (role) => {
  const { config, ...others } = scope({ JETPLUG_HTTP_LISTEN: 'off' });
  const streams = config.streams.map((stream) => ({ ...stream, manage: false }));
  const subjects = publishes(role, { ...others, config: { ...config, streams } });
  expect(subjects.filter((subject) => /STREAM\.(CREATE|UPDATE|DELETE)\.EVENTS/.test(subject))).toEqual([]);
  expect(subjects).not.toContain('$JS.API.CONSUMER.DELETE.EVENTS.*');
});

/** A short-lived consumer without a name is no durable. */
const CHANGE = /STREAM\.(CREATE|UPDATE|DELETE)|CONSUMER\.DELETE|CONSUMER\.CREATE\.(EVENTS|RETRY)\../;

test('with deploy.bindOnly, a host and an operator create and change no stream and no durable', () => {
  const of = scope({ JETPLUG_DEPLOY_BIND_ONLY: 'true' });
  for (const role of ['host', 'operator'] as const) {
    expect(publishes(role, scope()).some((subject) => CHANGE.test(subject))).toBe(true);
    expect(publishes(role, of).filter((subject) => CHANGE.test(subject))).toEqual([]);
  }
});

test('deploy.bindOnly takes nothing from a deployer', () => {
  expect(publishes('deployer', scope({ JETPLUG_DEPLOY_BIND_ONLY: 'true' }))).toEqual(publishes('deployer', scope()));
});

test('without records of runs the host needs nothing for them', () => {
  const of = scope({ JETPLUG_HTTP_LISTEN: 'off', JETPLUG_TRACING_SAMPLE: 'off' });
  expect(publishes('host', of).filter((subject) => /RUNS|runs/.test(subject))).toEqual([]);
});

test('with a domain, the API and the buckets have its prefix, and acks do not', () => {
  const of = scope({ JETPLUG_NATS_DOMAIN: 'hub' });
  for (const role of ROLES) {
    const others = publishes(role, of).filter(
      (subject) => subject.startsWith('$') && !subject.startsWith('$JS.hub.API.'),
    );
    expect(others.filter((subject) => !/^\$JS\.(ACK|FC)\./.test(subject))).toEqual([]);
  }
  expect(publishes('host', of)).toContain('$JS.hub.API.$KV.jetplug-badge.>');
  // The server publishes the commits of a log without a prefix.
  expect(subscribes('host', of)).toContain('$KV.TAIL_jetplug-badge.commit');
});

test('with an inbox prefix, publishers may not subscribe to the inboxes of hosts and operators', () => {
  const of = scope({ JETPLUG_NATS_INBOX_PREFIX: '_INBOX.jetplug' });
  expect(subscribes('host', of)).toContain('_INBOX.jetplug.>');
  expect(subscribes('host', of)).not.toContain('_INBOX.>');
  expect(permissionsOf('publisher', of).denied).toEqual(['_INBOX.jetplug.>']);
  expect(permissionsOf('publisher', scope()).denied).toEqual([]);
});

test('a subject that an earlier grant covers is left out, and a grant without any other', () => {
  const grants = [
    { purpose: 'all', publish: ['a.>'] },
    { purpose: 'some', publish: ['a.b', 'c'], subscribe: ['a.b'] },
    { purpose: 'none', publish: ['c'] },
  ];
  expect(distinct(grants)).toEqual([
    { purpose: 'all', publish: ['a.>'], subscribe: [] },
    { purpose: 'some', publish: ['c'], subscribe: ['a.b'] },
  ]);
});

test('hosts find each other only if a handler runs on one of them at a time: one with a key, or one with a rate', () => {
  const [award] = PLUGINS[0]!.handlers;
  const subjectsWith = (flags: object): string[] =>
    publishes('host', { ...scope(), plugins: [{ plugin: 'badge', handlers: [{ ...award!, ...flags }] }] });
  expect(subjectsWith({})).not.toContain('jetplug.hosts.jetplug');
  expect(subjectsWith({ isPinned: true })).toContain('jetplug.hosts.jetplug');
  expect(subjectsWith({ isLeased: true })).toContain('jetplug.hosts.jetplug');
});
