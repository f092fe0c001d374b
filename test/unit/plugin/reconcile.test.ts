import type { DurablePosition } from '../../../host/broker/durable';
import type { HandlerDefinition, PluginDefinition } from '../../../host/load/describe';
import { ensureDurableAt, openSettlements, reconcileHandler, specOf } from '../../../host/plugin/reconcile';
import { JetplugError } from '../../../sdk/internal';
import { memoryHost } from '../../support/memory-host';
import { DURABLE } from '../../support/durable-spec';

const PLUGIN = { name: 'badge' } as PluginDefinition;
const ABOUT = { plugin: 'badge', handler: 'award', stream: 'EVENTS', durable: 'badge-award' };
const POSITION: DurablePosition = {
  pending: 0,
  inFlight: 0,
  ackFloor: 5,
  delivered: 0,
  created: '2026-05-12T12:00:00.000Z',
};

/** A host whose server answers each request for the durable with this position. */
function hosting(position: Partial<DurablePosition> = {}) {
  const base = memoryHost();
  const answer = { ...POSITION, ...position } as never;
  const ensured = jest.spyOn(base.broker, 'ensureDurable').mockResolvedValue(answer);
  const stored = async (key: string): Promise<unknown> => {
    const entry = await base.host.records.get(key);
    return entry?.value === undefined ? undefined : JSON.parse(entry.value);
  };
  return { ...base, ensured, stored, lines: base.log.lines };
}

test('a new durable begins at the start of its spec; its position is stored', async () => {
  const { host, broker, ensured, stored } = hosting();
  const { durable, settlements } = await reconcileHandler(PLUGIN, DURABLE, host);
  expect(ensured.mock.calls).toEqual([[DURABLE]]);
  expect([durable, settlements.floor]).toEqual([DURABLE, 5]);
  expect(await stored('settled.badge-award')).toEqual({
    format: 1,
    stream: 'EVENTS',
    created: await broker.streamCreated('EVENTS'),
    ranges: [[1, 5]],
  });
});

test('a durable that is known from an earlier host is created behind the events that are settled', async () => {
  const { host, ensured } = hosting();
  await reconcileHandler(PLUGIN, DURABLE, host);
  ensured.mockClear();
  await reconcileHandler(PLUGIN, DURABLE, host);
  expect(ensured.mock.calls).toEqual([[{ ...DURABLE, resumeAfter: 5 }]]);
});

test('the position of a durable with nothing settled is stored too', async () => {
  const { host, ensured, stored } = hosting({ ackFloor: 0 });
  await reconcileHandler(PLUGIN, DURABLE, host);
  expect(await stored('settled.badge-award')).toMatchObject({ stream: 'EVENTS', ranges: [] });
  await reconcileHandler(PLUGIN, DURABLE, host);
  expect(ensured).toHaveBeenLastCalledWith({ ...DURABLE, resumeAfter: 0 });
});

describe('a durable that may be created again', () => {
  const spec = { ...DURABLE, mayRecreate: true };
  const checkpoint = { created: POSITION.created, delivered: 12, ackFloor: 9, isComplete: true };

  test('has its position stored before, and begins behind its ack floor', async () => {
    const { host, broker, ensured, stored } = hosting();
    jest.spyOn(broker, 'durableCheckpoint').mockResolvedValue(checkpoint);
    ensured.mockImplementation(async () => {
      expect(await stored('settled.badge-award')).toMatchObject({ ranges: [[1, 9]] });
      return POSITION;
    });
    await ensureDurableAt(spec, await openSettlements(spec, host), host);
    expect(ensured).toHaveBeenCalledWith({ ...spec, resumeAfter: 9 });
  });

  test('begins behind the settled events alone if the server skips events of it', async () => {
    const { host, broker, ensured } = hosting();
    await reconcileHandler(PLUGIN, DURABLE, host);
    jest.spyOn(broker, 'durableCheckpoint').mockResolvedValue({ ...checkpoint, isComplete: false });
    await ensureDurableAt(spec, await openSettlements(spec, host), host);
    expect(ensured).toHaveBeenLastCalledWith({ ...spec, resumeAfter: 5 });
  });

  test('begins where its handler says if it is missing', async () => {
    const { host, broker, ensured } = hosting();
    jest.spyOn(broker, 'durableCheckpoint').mockResolvedValue(undefined);
    await ensureDurableAt(spec, await openSettlements(spec, host), host);
    expect(ensured).toHaveBeenCalledWith(spec);
  });
});

test('on a stream that was created again, nothing counts as settled, and the durable gets every event', async () => {
  const { host, broker, ensured } = hosting();
  await reconcileHandler(PLUGIN, DURABLE, host);
  jest.spyOn(broker, 'streamCreated').mockResolvedValue('2027-01-01T00:00:00.000Z');
  const settlements = await openSettlements(DURABLE, host);
  expect([settlements.streamIncarnation, settlements.floor]).toEqual(['2027-01-01T00:00:00.000Z', 0]);
  ensured.mockResolvedValue({ ...POSITION, ackFloor: 0 });
  await ensureDurableAt({ ...DURABLE, from: 'new' }, settlements, host);
  expect(ensured).toHaveBeenLastCalledWith({ ...DURABLE, from: 'new', resumeAfter: 0 });
});

test('the outage and the failed events of the previous host are read', async () => {
  const { host } = hosting();
  const first = await reconcileHandler(PLUGIN, DURABLE, host);
  expect(first.before).toEqual({ outage: undefined, failing: [] });
  const outage = { since: new Date('2026-05-12T13:00:00.000Z'), reason: 'no database' };
  await first.outages.begin(outage);
  const storedAtMs = Date.parse('2030-01-01T00:00:00.000Z');
  // Event 4 is settled: a host that ended has left its record.
  for (const sequence of [4, 9]) await first.attempts.failed({ stream: 'EVENTS', sequence, storedAtMs });
  const { before } = await reconcileHandler(PLUGIN, DURABLE, host);
  expect(before).toEqual({ outage, failing: [{ stream: 'EVENTS', sequence: 9, storedAtMs }] });
});

test('a durable that the host must not use fails the start; no position is stored', async () => {
  const { host, ensured, stored } = hosting();
  ensured.mockRejectedValue(new JetplugError('JP_CONSUMER_FOREIGN', 'it is another deployment’s'));
  await expect(reconcileHandler(PLUGIN, DURABLE, host)).rejects.toMatchObject({ code: 'JP_CONSUMER_FOREIGN' });
  expect(await stored('settled.badge-award')).toBeUndefined();
});

test.each<[what: string, position: Partial<DurablePosition>, lines: object[]]>([
  ['a durable without changes is not logged', {}, []],
  [
    'corrected settings are a warning',
    { corrected: ['max_deliver: 3 → -1'] },
    [
      {
        level: 'warn',
        message: 'the settings of a durable consumer are corrected',
        fields: { ...ABOUT, changes: ['max_deliver: 3 → -1'] },
      },
    ],
  ],
  [
    'limits of the server are logged as information',
    { limited: ['max_batch: 5 → 0'] },
    [
      {
        level: 'info',
        message: 'limits of the server or the stream set settings of a durable consumer; they are kept',
        fields: { ...ABOUT, kept: ['max_batch: 5 → 0'] },
      },
    ],
  ],
])('%s', async (_what, position, expected) => {
  const { host, lines } = hosting(position);
  const given = await ensureDurableAt(DURABLE, await openSettlements(DURABLE, host), host);
  expect([given, lines]).toEqual([{ ...POSITION, ...position }, expected]);
});

test('settlements that cannot be stored are a warning with the plugin and the durable', async () => {
  const { host, lines } = hosting();
  const settlements = await openSettlements(DURABLE, host);
  const err = new Error('TIMEOUT');
  jest.spyOn(host.records, 'put').mockRejectedValueOnce(err);
  await settlements.recordStart();
  expect(lines).toEqual([
    {
      level: 'warn',
      message: 'settlements could not be stored; trying again',
      fields: { plugin: 'badge', durable: 'badge-award', err },
    },
  ]);
  // This write also ends the timer of the next try.
  await settlements.flush();
});

const HANDLER = {
  name: 'award',
  durable: 'badge-award',
  subject: 'video.*',
  from: 'beginning',
  where: { file: '/badge.plugin.ts', line: 7 },
} as HandlerDefinition;
const STREAMS = [
  { name: 'USERS', subjects: ['user.>', 'account.>'] },
  { name: 'EVENTS', subjects: ['video.>'] },
];

test('a spec names the stream that holds the subject, and takes the limits of the config', () => {
  const { config } = memoryHost().host;
  const delivery = { ...config.delivery, ackWaitMs: 7_000, maxAckPending: 3 };
  expect(specOf(PLUGIN, HANDLER, STREAMS, { delivery, deploy: { ...config.deploy, name: 'staging' } })).toEqual({
    ...DURABLE,
    ackWaitMs: 7_000,
    maxAckPending: 3,
    deployment: 'staging',
  });
});

test('a config without streams is named in the error of a handler', () => {
  const { config } = memoryHost().host;
  expect(() => specOf(PLUGIN, HANDLER, [], config)).toThrow(
    /^badge\.award subscribes to \S+; the config has no stream$/,
  );
});

test('a subject that no stream holds is an error with the place of the handler and the streams', () => {
  const { config } = memoryHost().host;
  const orphan = { ...HANDLER, subject: 'order.*' };
  let thrown: unknown;
  try {
    specOf(PLUGIN, orphan, STREAMS, config);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({
    code: 'JP_HANDLER_NO_STREAM',
    message: 'badge.award subscribes to order.*; the streams are USERS (user.>, account.>); EVENTS (video.>)',
    plugin: 'badge',
    file: '/badge.plugin.ts',
    line: 7,
  });
});
