import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { AckPolicy, type JetStreamManager, type NatsConnection } from 'nats';
import type { Connection } from '../../host/nats/connection';
import { assertCurrent, planFile } from '../../host/plan/plan-file';
import type { ClientCommand } from '../support/client-commands';
import { durableInfo } from '../support/durables';
import { MAIN, plainEnv } from '../support/host';
import { applySteps, planOf, type Deployed } from '../support/plan';
import { loggingPlugin } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { StepProxy, type Moment } from '../support/step-proxy';
import { configOf } from '../support/stream-config';
import { deleteStreams, openStreams } from '../support/streams';

const scene = new Scene();
let nats: NatsConnection;
let jsm: JetStreamManager;
let connection: Connection;
let proxy: StepProxy;
let folder: string;

const BEFORE = {
  streams: [
    { name: 'EVENTS', subjects: ['video.>'] },
    { name: 'OLD', subjects: ['old.>'] },
    { name: 'FAST', subjects: ['fast.>'], storage: 'memory' },
  ],
};
const AFTER = {
  streams: [
    { name: 'EVENTS', subjects: ['video.>'], maxAge: '14d' },
    { name: 'SHOP', subjects: ['shop.>'] },
    { name: 'FAST', subjects: ['fast.>'] },
  ],
  delivery: { ackWait: '20s' },
};
const handler = { subject: 'video.watch_started', from: 'beginning' } as const;

beforeAll(async () => {
  const opened = await openStreams(scene);
  ({ nats, jsm, connection } = opened);
  proxy = await StepProxy.start(opened.server);
  folder = scene.folder({
    'plugins/seen.plugin.ts': loggingPlugin('SeenPlugin', 'seen', `{ from: 'beginning' }`),
    'plugins/late.plugin.ts': loggingPlugin('LatePlugin', 'late', `{ from: 'beginning' }`),
    'config.json': JSON.stringify(AFTER),
  });
});
afterAll(async () => {
  await proxy.stop();
  await scene.end();
});

const before = (): Deployed => ({
  config: configOf(scene, BEFORE),
  plugins: { seen: { handle: handler, gone: { subject: 'video.>' } } },
});
const after = (): Deployed => ({
  config: configOf(scene, AFTER),
  plugins: { seen: { handle: handler }, late: { handle: handler } },
});

/** The deployment before, in which a durable was replaced by one that cannot be changed in place and has handled one of three events. */
async function reset(): Promise<void> {
  await deleteStreams(jsm);
  await applySteps(connection, await planOf(connection, before()));
  for (const subject of ['video.watch_started', 'video.watch_started', 'video.watch_started', 'old.a', 'fast.a']) {
    await nats.jetstream().publish(subject, '{}');
  }
  const { config } = await jsm.consumers.info('EVENTS', 'seen-handle');
  await jsm.consumers.delete('EVENTS', 'seen-handle');
  await jsm.consumers.add('EVENTS', { ...config, ack_policy: AckPolicy.Explicit, max_waiting: 10 });
  const consumer = await nats.jetstream().consumers.get('EVENTS', 'seen-handle');
  await (await consumer.next({ expires: 2_000 }))!.ackAck();
}

const FLAGS = ['--prune', '--allow-data-loss', '--yes', '--json'];

/** Runs `jetplug apply` behind the proxy. */
function apply() {
  const args = ['apply', ...FLAGS, '--servers', proxy.url, '--config', 'config.json'];
  return spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: plainEnv(), stdio: 'ignore' });
}

/** Whether a command changes the server: an asset, or the settled events of a handler. */
function isChange({ subject, payload }: ClientCommand): boolean {
  if (subject.startsWith('$KV.jetplug.settled.')) return true;
  // The stream of the audit is created before the first change.
  if (subject.endsWith('.AUDIT')) return false;
  if (!/^\$JS\.API\.(STREAM|CONSUMER)\.(CREATE|UPDATE|DELETE|PURGE)\./.test(subject)) return false;
  // The consumers that count events are no assets.
  return (
    !payload.includes('"inactive_threshold":5000000000') && !/CONSUMER\.DELETE\.\w+\.[A-Za-z0-9]{8,}$/.test(subject)
  );
}

/** Reads the newest entry of the audit. */
async function newestEntry(): Promise<{ outcome: string }> {
  return (await jsm.streams.getMessage('AUDIT', { last_by_subj: 'jetplug.audit' })).json();
}

async function expectPlanned(): Promise<void> {
  for (const _ of ['once', 'twice']) expect(await planOf(connection, after())).toEqual([]);
  const streams = (await jsm.streams.names().next()).filter((name) => name !== 'AUDIT').sort();
  expect(streams).toEqual(['DEAD', 'EVENTS', 'FAST', 'KV_jetplug', 'RETRY', 'RUNS', 'SHOP']);
  // The event that was handled is not delivered again.
  expect(await durableInfo(nats, 'EVENTS', 'seen-handle')).toMatchObject({
    num_pending: 2,
    config: { max_waiting: 512, ack_wait: 20e9 },
  });
}

test('an apply that is killed before or after any of its changes, and run again by the same plan, ends in the planned state', async () => {
  await reset();
  let changes = 0;
  const counted = {
    moment: 'before',
    matches: (command: ClientCommand) => (isChange(command) && changes++, false),
  } as const;
  void proxy.arm({ ...counted, spring: () => undefined });
  expect(await once(apply(), 'exit')).toEqual([0, null]);
  await expectPlanned();
  expect((await newestEntry()).outcome).toBe('done');
  expect(changes).toBeGreaterThan(8);
  for (let nth = 1; nth <= changes; nth++) {
    for (const moment of ['before', 'answered'] satisfies Moment[]) {
      await reset();
      const file = planFile('jetplug', await planOf(connection, after()));
      let seen = 0;
      const child = apply();
      const ended = once(child, 'exit');
      void proxy.arm({
        moment,
        matches: (command) => isChange(command) && ++seen === nth,
        spring: () => void child.kill('SIGKILL'),
      });
      expect([nth, moment, await ended]).toEqual([nth, moment, [null, 'SIGKILL']]);
      expect((await newestEntry()).outcome).toBe('started');
      const rest = await planOf(connection, after());
      assertCurrent(file, 'jetplug', rest);
      await applySteps(connection, rest, { prune: true, allowDataLoss: true });
      await expectPlanned();
    }
  }
});
