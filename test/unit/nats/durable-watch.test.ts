import type { Connection } from '../../../host/nats/connection';
import { newConfig } from '../../../host/nats/durable-config';
import type { DurableDeploy } from '../../../host/nats/consumers';
import { DurableWatch } from '../../../host/nats/durable-watch';
import { RecordingLog } from '../../../host/testing/recording-log';
import type { DurableSpec, DurableLook } from '../../../host/broker/durable';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const CREATED = '2026-05-12T12:00:00Z';
const specOf = (durable: string): DurableSpec => ({
  stream: 'EVENTS',
  durable,
  subject: 'video.*',
  from: 'new',
  ackWaitMs: 15_000,
  maxAckPending: 1_000,
  owner: { plugin: 'badge', handler: durable },
  deployment: 'jetplug',
});
const infoOf = (spec: DurableSpec, config: object = {}, info: object = {}) => ({
  name: spec.durable,
  num_pending: 3,
  num_ack_pending: 1,
  num_waiting: 0,
  created: CREATED,
  delivered: { consumer_seq: 2, stream_seq: 9 },
  ack_floor: { consumer_seq: 1, stream_seq: 7 },
  config: { ...newConfig(spec), ...config },
  ...info,
});

/** A server that lists these durables in pages of 256, and a watch of all of them. */
function bench(specs: readonly DurableSpec[], infos: readonly object[], deploy: DurableDeploy = {}) {
  const asked: unknown[] = [];
  const log = new RecordingLog();
  const server = { fails: undefined as Error | undefined };
  const askApi = async (request: string, { offset }: { offset: number }) => {
    asked.push([request, offset]);
    if (server.fails) throw server.fails;
    return { total: infos.length, consumers: infos.slice(offset, offset + 256) };
  };
  const watch = new DurableWatch({ connected: true, requests: { askApi } } as unknown as Connection, log, deploy);
  watch.start();
  const looks = new Map<string, DurableLook[]>();
  const ends = specs.map((spec) => {
    const seen: DurableLook[] = [];
    looks.set(spec.durable, seen);
    return watch.add(spec, (look) => seen.push(look));
  });
  return { watch, looks, asked, log, ends, server };
}
const CHECKPOINT = { created: CREATED, delivered: 9, ackFloor: 7, isComplete: true };
const FINE = {
  pending: 3,
  inFlight: 1,
  pulls: 0,
  needs: 'nothing',
  corrections: [],
  drift: [],
  checkpoint: CHECKPOINT,
};

test('all durables of a stream are checked every 5 s with one request for each page', async () => {
  const specs = Array.from({ length: 300 }, (_, i) => specOf(`d${i}`));
  const { watch, looks, asked } = bench(
    specs,
    specs.map((spec) => infoOf(spec)),
  );
  await jest.advanceTimersByTimeAsync(10_000);
  expect(asked).toEqual([0, 256, 0, 256].map((offset) => ['CONSUMER.LIST.EVENTS', offset]));
  for (const seen of looks.values()) expect(seen).toEqual([FINE, FINE]);
  watch.stop();
});

test.each<[what: string, config: object, info: object, expected: Partial<DurableLook>]>([
  [
    'an edit of an operator needs a correction',
    { ack_wait: 1e9 },
    {},
    { needs: 'correction', corrections: ['ack_wait: 1 s → 15 s'] },
  ],
  [
    'a filter that skips events needs a check, and is not complete',
    { filter_subject: 'video.a' },
    {},
    { needs: 'check', checkpoint: { ...CHECKPOINT, isComplete: false } },
  ],
  [
    'max_deliver needs a check, and is not complete',
    { max_deliver: 2 },
    {},
    { needs: 'check', checkpoint: { ...CHECKPOINT, isComplete: false } },
  ],
  ['a lost mark needs a check', { metadata: {} }, {}, { needs: 'check' }],
  [
    'a pause is reported with its end',
    { pause_until: '2030-01-01T00:00:00Z' },
    { paused: true, pause_remaining: 1e9 },
    { needs: 'nothing', pausedUntil: new Date('2030-01-01T00:00:00Z') },
  ],
  ['a pause that has ended is none', { pause_until: '2020-01-01T00:00:00Z' }, { paused: false }, FINE as DurableLook],
  [
    'settings of an earlier config need a correction',
    newConfig({ ...specOf('d'), ackWaitMs: 30_000 }),
    {},
    { needs: 'correction', corrections: ['ack_wait: 30 s → 15 s'] },
  ],
  ['a filter of another host needs a check', newConfig({ ...specOf('d'), subject: 'user.*' }), {}, { needs: 'check' }],
])('%s', async (_what, config, info, expected) => {
  const spec = specOf('d');
  const { watch, looks } = bench([spec], [infoOf(spec, config, info)]);
  await watch.check();
  expect(looks.get('d')).toEqual([expect.objectContaining(expected)]);
  watch.stop();
});

test.each<[string, DurableDeploy, Partial<DurableLook>]>([
  ['are a drift where drift is only reported', { drift: 'report' }, { drift: ['ack_wait: 30 s → 15 s'] }],
  ['are not compared by a host that waits for a newer config', { waits: true }, {}],
])('settings of another config %s', async (_what, deploy, expected) => {
  const spec = specOf('d');
  const { watch, looks } = bench([spec], [infoOf(spec, newConfig({ ...spec, ackWaitMs: 30_000 }))], deploy);
  await watch.check();
  expect(looks.get('d')).toEqual([{ ...FINE, ...expected }]);
  watch.stop();
});

test('a missing durable, and one whose handler has ended, is not reported', async () => {
  const [here, gone, ended] = [specOf('here'), specOf('gone'), specOf('ended')];
  const { watch, looks, ends } = bench([here, gone, ended], [infoOf(here), infoOf(ended)]);
  ends[2]!();
  await watch.check();
  expect([...looks.values()].map((seen) => seen.length)).toEqual([1, 0, 0]);
  watch.stop();
});

test('a failed list is logged once, and requested again', async () => {
  const spec = specOf('d');
  const { watch, looks, log, server } = bench([spec], [infoOf(spec)]);
  server.fails = new Error('no answer');
  await jest.advanceTimersByTimeAsync(20_000);
  expect(log.lines.map(({ level }) => level)).toEqual(['warn']);
  server.fails = undefined;
  await jest.advanceTimersByTimeAsync(5_000);
  expect(looks.get('d')).toEqual([FINE]);
  watch.stop();
});

test('a setting that this version does not know is logged once and left unchanged', async () => {
  const specs = [specOf('a'), specOf('b')];
  const { watch, looks, log } = bench(
    specs,
    specs.map((spec) => infoOf(spec, { max_wonders: 1 })),
  );
  await watch.check();
  await watch.check();
  expect(looks.get('b')).toEqual([FINE, FINE]);
  expect(log.lines).toHaveLength(1);
  watch.stop();
});
