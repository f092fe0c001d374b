/** A host, publishers and operators with exactly the permissions that `jetplug permissions` prints. */
import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type NatsConnection } from 'nats';
import { connectEventBus, type ConnectedEventBus } from '../../host/client';
import { jetplug, type CliResult } from '../support/cli';
import { storedLetters } from '../support/dead-letters';
import { eventually } from '../support/eventually';
import { post } from '../support/http';
import { envOf, grantedServer, loginOf, refusalsOf } from '../support/granted-server';
import { MAIN, plainEnv, type TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { pluginSource } from '../support/plugin-source';
import { Scene } from '../support/scene';

const CONFIG = {
  streams: [
    { name: 'EVENTS', subjects: ['video.>', 'badge.>'] },
    { name: 'ORDERS', subjects: ['orders.>'] },
  ],
  nats: { inboxPrefix: '_INBOX.jetplug' },
};

const TALLY = pluginSource(
  'TallyPlugin',
  `  constructor(private readonly counts: Store<number>, private readonly events: EventBus) {}
  @Subscribe('video.tick', { from: 'beginning', retry: { attempts: 2, backoff: ['10ms'] } })
  async count(event: any) {
    const n = await this.counts.update(event.of, (n = 0) => n + 1);
    await this.events.publish('badge.ticked', { of: event.of, n });
    if (event.bad) throw new Error('bad');
  }
  @Subscribe({ from: 'beginning' })
  async see(_event: Ticked) {}`,
  {
    before: `export class Ticked extends defineEvent('badge.ticked', z.object({ of: z.string(), n: z.number() })) {}`,
  },
);
const LATER = pluginSource(
  'LaterPlugin',
  `  @Subscribe('orders.>', { from: 'beginning' })
  async wait() { throw new RetryLater('1h'); }`,
);

const scene = new Scene();
let server: TestServer;
let admin: NatsConnection;
let host: TestHost;
let plugins: string;
let configFile: string;
let publisher: ConnectedEventBus;
/** The refusals that the server has logged since the last call. */
let refusals: () => string[];

beforeAll(async () => {
  plugins = scene.folder({ 'tally.plugin.ts': TALLY, 'later.plugin.ts': LATER });
  configFile = join(scene.folder({ 'config.json': JSON.stringify(CONFIG) }), 'config.json');
  server = await grantedServer(scene, CONFIG, plugins);
  refusals = refusalsOf(server);
  admin = await scene.client(server.url);
  host = await start();
  publisher = await connectEventBus({ servers: server.url, ...loginOf('publisher') });
});
afterAll(async () => {
  await publisher.close();
  await scene.end();
});

function start(): Promise<TestHost> {
  const nats = { ...CONFIG.nats, credentials: loginOf('host') };
  const env = { NODE_ENV: 'staging' };
  return scene.host({ server, plugins: [plugins], config: { ...CONFIG, nats }, env });
}

function run(role: 'operator' | 'deployer', ...args: string[]): Promise<CliResult> {
  return jetplug([...args, '--json', '--config', configFile, '--servers', server.url], {
    env: envOf(role),
    cwd: plugins,
  });
}

/** Runs a command as the operator. */
async function answer<T>(...args: string[]): Promise<T> {
  const result = await run('operator', ...args);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  return result.json<T>();
}

interface Status {
  readonly plugin: string;
  readonly handlers: readonly { readonly handler: string; readonly handled: number; readonly state: string }[];
}

async function handled(handler: string): Promise<number> {
  const statuses = await answer<Status[]>('plugins');
  return statuses.flatMap(({ handlers }) => handlers).find((one) => one.handler === handler)!.handled;
}

describe('with the permissions that are printed', () => {
  afterEach(() => expect(refusals()).toEqual([]));

  test('events of a publisher are handled, stored and published on; the log mentions the missing layer', async () => {
    for (let i = 0; i < 20; i++) await publisher.publish('video.tick', { of: `k${i % 3}` });
    await eventually(async () => (await handled('see')) === 20);
    expect(await answer('store', 'tally')).toEqual(expect.arrayContaining([{ key: 'k0', value: 7 }]));
    const note = 'NODE_ENV is staging, and there is no config/staging.yaml: the config has no layer for it';
    expect(host.logged(note)).toHaveLength(1);
  });

  test('a client of NATS publishes, with and without the answer of the stream', async () => {
    const nats = await connect({ servers: server.url, user: 'jetplug-publisher', pass: 'p' });
    try {
      const before = await handled('count');
      nats.publish('video.tick', '{"of":"by-hand"}');
      expect(await nats.jetstream().publish('video.tick', '{"of":"by-hand"}')).toMatchObject({ stream: 'EVENTS' });
      await eventually(async () => (await handled('count')) === before + 2);
    } finally {
      await nats.close();
    }
  });

  test('a failed event becomes a dead letter, which is shown, edited, redriven and dropped', async () => {
    await publisher.publish('video.tick', { of: 'dead', bad: true });
    await publisher.publish('video.tick', { of: 'dropped', bad: true });
    await eventually(async () => (await storedLetters(admin)).length === 2);
    const letters = await answer<{ id: number }[]>('dead', 'list');
    expect(letters).toHaveLength(2);
    expect(await answer('dead', 'show', String(letters[0]!.id))).toMatchObject({ reason: 'attempts-exhausted' });
    const before = await handled('count');
    await answer('dead', 'redrive', String(letters[0]!.id));
    await eventually(async () => (await storedLetters(admin)).length === 2 && (await lastLetter()) > letters[1]!.id);
    expect(await handled('count')).toBe(before);
    await answer('dead', 'drop', '--all');
    await eventually(async () => (await storedLetters(admin)).length === 0);
  });

  test('an event that waits long moves to the retry queue, and stays there over a restart', async () => {
    await publisher.publish('orders.placed', {});
    await eventually(async () => {
      const { state } = await (await admin.jetstreamManager()).streams.info('RETRY');
      return state.messages > 0;
    });
    await host.kill();
    host = await start();
    await eventually(async () => (await answer<object[]>('plugins')).length === 2);
  });

  test('an operator reads the plugins, and the path of an event', async () => {
    const jsm = await admin.jetstreamManager();
    const stored = await jsm.streams.getMessage('EVENTS', { last_by_subj: 'video.tick' });
    const id = stored.json<{ event_id?: string }>().event_id ?? stored.header.get('Nats-Msg-Id');
    expect(await answer('plugins', 'tally')).toMatchObject([{ plugin: 'tally' }]);
    await answer('docs');
    await answer('routes', 'video.tick');
    await answer('fate', 'EVENTS', String(stored.seq));
    await answer('trace', id);
  });

  test('an operator publishes, and reads and changes a store', async () => {
    await answer('publish', 'video.tick', '{"of":"set"}', '--plugins', plugins);
    await eventually(async () => (await answer<object[]>('store', 'tally', 'set')).length !== 0);
    await answer('blame', 'tally', 'set');
    await answer('store', 'tally', 'set', '--set', '7');
    await answer('store', 'tally', 'set', '--delete');
    await answer('store', 'tally', 'set', '--erase');
    await answer('store', 'tally', '--at', new Date().toISOString());
  }, 60_000);

  test('an operator pauses and resumes, and the audit has both', async () => {
    await answer('pause', 'tally');
    await answer('resume', 'tally');
    expect(await answer<object[]>('audit')).not.toEqual([]);
  });

  describe.each(['operator', 'deployer'] as const)('a plan of the %s', (role) => {
    test('finds no change', async () => {
      const result = await run(role, 'plan', '--plugins', plugins);
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(result.json()).toEqual([]);
    });

    test('tests a changed contract', async () => {
      const changed = TALLY.replace('n: z.number()', 'n: z.number().max(0)');
      const folder = scene.folder({ 'tally.plugin.ts': changed, 'later.plugin.ts': LATER });
      const { code, stderr, json } = await run(role, 'plan', '--plugins', folder);
      expect([code, stderr]).toEqual([2, '']);
      expect(json()).toMatchObject([
        { change: 'contract', name: 'badge.ticked', complete: true, byField: [{ field: 'n' }] },
      ]);
    });
  });

  test('fate counts the events before a waiting one; the server itself deletes the consumer that counts', async () => {
    await answer('pause', 'tally');
    for (const key of ['first', 'second']) await publisher.publish('video.tick', { of: key });
    const { seq } = await (await admin.jetstreamManager()).streams.getMessage('EVENTS', { last_by_subj: 'video.tick' });
    expect(await answer('fate', 'EVENTS', String(seq))).toMatchObject({ stream: 'EVENTS', sequence: seq });
    await answer('resume', 'tally');
    expect(refusals()).toEqual([expect.stringMatching(/CONSUMER\.DELETE\.EVENTS\.\w+"$/)]);
  });

  test('tail follows the events', async () => {
    const tail = follow('tail');
    try {
      await eventually(async () => {
        await publisher.publish('video.tick', { of: 'tail' });
        return tail.output().includes('"of":"tail"') || tail.output().includes('video.tick');
      });
    } finally {
      await tail.end();
    }
  });

  test('the page of the host reads and changes', async () => {
    for (const path of ['overview', 'plugins/tally', 'dead', 'events', 'store/tally', 'audit', 'flow', 'find?q=x']) {
      expect({ path, status: (await fetch(`${host.url}/api/${path}`)).status }).toEqual({ path, status: 200 });
    }
    for (const action of ['pause', 'resume']) {
      expect(await post(`${host.url}/api/plugins/tally/${action}`, {})).toMatchObject({ status: 200 });
    }
  });

  test('an edited plugin handles the next event', async () => {
    writeFileSync(join(plugins, 'tally.plugin.ts'), `${TALLY}\n// edited\n`);
    await eventually(() => host.logged('a plugin has a new version').length > 0);
    const before = await handled('see');
    await publisher.publish('video.tick', { of: 'edited' });
    await eventually(async () => (await handled('see')) === before + 1);
    await eventually(async () => (await fetch(`${host.url}/readyz`)).status === 200);
    expect(host.logged('NATS server reported an error')).toEqual([]);
  });
});

async function lastLetter(): Promise<number> {
  return (await (await admin.jetstreamManager()).streams.info('DEAD')).state.last_seq;
}

/** Runs a command until it is interrupted. */
function follow(...args: string[]): { output(): string; end(): Promise<unknown> } {
  const flags = ['--json', '--config', configFile, '--servers', server.url];
  const child: ChildProcess = spawn(process.execPath, [MAIN, ...args, ...flags], {
    cwd: plugins,
    env: { ...plainEnv(), ...envOf('operator') },
  });
  let output = '';
  child.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const closed = new Promise((resolve) => child.once('close', resolve));
  return { output: () => output, end: () => (child.kill('SIGINT'), closed) };
}

/** Subjects that a role may not publish on. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  host: [
    'foreign.event',
    '$JS.API.STREAM.DELETE.EVENTS',
    '$JS.API.STREAM.PURGE.EVENTS',
    '$JS.API.STREAM.MSG.DELETE.EVENTS',
    '$JS.API.STREAM.CREATE.FOREIGN',
    '$JS.API.STREAM.MSG.GET.FOREIGN',
    '$JS.API.STREAM.DELETE.KV_jetplug-tally',
    '$JS.API.STREAM.SNAPSHOT.EVENTS',
    '$JS.API.CONSUMER.CREATE.EVENTS.other',
    '$JS.API.CONSUMER.DELETE.EVENTS.other',
    '$JS.API.CONSUMER.MSG.NEXT.FOREIGN.theirs',
    '$JS.ACK.FOREIGN.theirs.1.1.1.1.0',
    '$JS.ACK.EVENTS.other.1.1.1.1.0',
    '$KV.jetplug-foreign.key',
    '$KV.foreign.key',
    'retry.foreign.handler.EVENTS.1.1.1',
    'dead.foreign.handler.EVENTS.1',
    '$SYS.REQ.SERVER.PING',
  ],
  publisher: [
    'foreign.event',
    'dead.tally.count.EVENTS.1',
    'retry.tally.count.EVENTS.1.1.1',
    'jetplug.plugins',
    'jetplug.audit',
    'jetplug.runs.1',
    '$KV.jetplug-tally.key',
    '$KV.LOG_jetplug-tally.commit',
    '$KV.jetplug.settled.tally-count',
    '$JS.ACK.EVENTS.tally-count.1.1.1.1.0',
    '$JS.API.STREAM.LIST',
    '$JS.API.STREAM.INFO.EVENTS',
    '$JS.API.STREAM.CREATE.EVENTS',
    '$JS.API.STREAM.UPDATE.EVENTS',
    '$JS.API.STREAM.DELETE.EVENTS',
    '$JS.API.STREAM.PURGE.EVENTS',
    '$JS.API.STREAM.MSG.GET.EVENTS',
    '$JS.API.STREAM.MSG.DELETE.EVENTS',
    '$JS.API.DIRECT.GET.EVENTS',
    '$JS.API.DIRECT.GET.KV_jetplug-tally',
    '$JS.API.CONSUMER.CREATE.EVENTS',
    '$JS.API.CONSUMER.CREATE.EVENTS.spy',
    '$JS.API.CONSUMER.DELETE.EVENTS.tally-count',
    '$JS.API.CONSUMER.MSG.NEXT.EVENTS.tally-count',
    '$JS.API.CONSUMER.PAUSE.EVENTS.tally-count',
    '_INBOX.jetplug.someone',
  ],
  operator: [
    'foreign.event',
    'dead.tally.count.EVENTS.1',
    '$JS.ACK.EVENTS.tally-count.1.1.1.1.0',
    '$JS.API.STREAM.DELETE.EVENTS',
    '$JS.API.STREAM.PURGE.EVENTS',
    '$JS.API.STREAM.PURGE.DEAD',
    '$JS.API.STREAM.PURGE.AUDIT',
    '$JS.API.STREAM.MSG.DELETE.EVENTS',
    '$JS.API.STREAM.DELETE.KV_jetplug-tally',
    '$JS.API.STREAM.CREATE.EVENTS',
    '$JS.API.STREAM.UPDATE.EVENTS',
    '$JS.API.STREAM.MSG.GET.FOREIGN',
    '$JS.API.DIRECT.GET.FOREIGN',
    '$JS.API.CONSUMER.CREATE.EVENTS.tally-count',
    '$JS.API.CONSUMER.DELETE.EVENTS.tally-count',
    '$JS.API.CONSUMER.MSG.NEXT.EVENTS.tally-count',
    '$JS.API.CONSUMER.PAUSE.FOREIGN.theirs',
    '$KV.jetplug.settled.tally-count',
    '$KV.foreign.key',
    '$SYS.REQ.SERVER.PING',
  ],
  deployer: [
    'video.tick',
    'retry.tally.count.EVENTS.1.1.1',
    'jetplug.pause',
    '$JS.ACK.EVENTS.tally-count.1.1.1.1.0',
    '$JS.API.STREAM.CREATE.FOREIGN',
    '$JS.API.STREAM.UPDATE.FOREIGN',
    '$JS.API.STREAM.DELETE.FOREIGN',
    '$JS.API.STREAM.DELETE.AUDIT',
    '$JS.API.STREAM.PURGE.EVENTS',
    '$JS.API.STREAM.MSG.DELETE.EVENTS',
    '$JS.API.STREAM.SNAPSHOT.EVENTS',
    '$JS.API.CONSUMER.CREATE.EVENTS.other',
    '$JS.API.CONSUMER.DELETE.FOREIGN.theirs',
    '$JS.API.CONSUMER.MSG.NEXT.EVENTS.tally-count',
    '$KV.jetplug-tally.key',
    '$SYS.REQ.SERVER.PING',
  ],
};

/** Subjects that a role may not subscribe to. */
const UNHEARD: Readonly<Record<string, readonly string[]>> = {
  host: ['>', 'video.>', '$JS.API.>', '$JS.EVENT.>', '$KV.>', '_INBOX.>', '$SYS.>', 'jetplug.audit'],
  publisher: ['>', 'video.>', 'badge.ticked', 'dead.>', 'retry.>', 'jetplug.>', '$KV.>', '$JS.>', '_INBOX.jetplug.>'],
  operator: ['>', 'video.>', 'dead.>', 'retry.>', 'jetplug.>', '$KV.>', '$JS.API.>', '_INBOX.>', '$SYS.>'],
  deployer: ['>', 'video.>', 'dead.>', 'retry.>', 'jetplug.>', '$KV.>', '$JS.API.>', '_INBOX.>', '$SYS.>'],
};

test.each(Object.keys(REFUSED))('the role %s may do nothing else', async (role) => {
  const nats = await connect({
    servers: server.url,
    user: `jetplug-${role}`,
    pass: 'p',
    inboxPrefix: '_INBOX.jetplug',
  });
  try {
    const refused: string[] = [];
    void (async () => {
      for await (const { permissionContext } of nats.status()) {
        if (permissionContext) refused.push(`${permissionContext.operation} ${permissionContext.subject}`);
      }
    })();
    for (const subject of REFUSED[role]!) nats.publish(subject, '');
    for (const subject of UNHEARD[role]!) nats.subscribe(subject, { callback: () => undefined });
    await nats.flush();
    const asked = [
      ...REFUSED[role]!.map((subject) => `publish ${subject}`),
      ...UNHEARD[role]!.map((subject) => `subscription ${subject}`),
    ];
    await eventually(() => expect(asked.filter((one) => !refused.includes(one))).toEqual([]) === undefined);
  } finally {
    await nats.close();
  }
});

test('a publisher that subscribes to all inboxes gets no answer to a host or an operator', async () => {
  const nats = await connect({ servers: server.url, user: 'jetplug-publisher', pass: 'p' });
  try {
    const heard: string[] = [];
    nats.subscribe('_INBOX.>', { callback: (_, { subject }) => heard.push(subject) });
    await nats.flush();
    const before = await handled('see');
    await publisher.publish('video.tick', { of: 'inbox' });
    await eventually(async () => (await handled('see')) === before + 1);
    expect(heard.filter((subject) => subject.startsWith('_INBOX.jetplug.'))).toEqual([]);
    expect(heard).not.toEqual([]);
  } finally {
    await nats.close();
  }
});
