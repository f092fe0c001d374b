import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { deferralOf, retryMessage } from '../../../host/broker/retry-queue';
import type { DeferredEvent } from '../../../host/broker/ports';
import { loadConfig } from '../../../host/config/load';
import { machineTime } from '../../../host/base/time';
import { KvAttemptLog } from '../../../host/message/failures/attempts';
import { Outages } from '../../../host/message/failures/outages';
import { applyConfig } from '../../../host/nats/generation-record';
import { HostPresence } from '../../../host/nats/host-presence';
import { redriven, summarise } from '../../../host/ops/dead-letter-summary';
import { ContractRecords } from '../../../host/plugin/contract-records';
import { assertReadable } from '../../../host/records/record-format';
import { Settlements, type SettlementsOptions } from '../../../host/records/settlements';
import { RecordingLog } from '../../../host/testing/recording-log';
import { FakeDelivery } from '../../support/message-bench';
import { MemoryKeyValue } from '../../support/memory-key-value';

const CREATED = '2026-05-12T12:00:00Z';
const message = new FakeDelivery();

const settlementsIn = (records: MemoryKeyValue, failed: (error: unknown) => void = () => undefined) =>
  Settlements.open({
    records,
    time: machineTime,
    durable: 'badge-award',
    stream: 'EVENTS',
    streamCreated: CREATED,
    hasWildcards: false,
    checkpoint: async () => undefined,
    failed,
  } satisfies SettlementsOptions);

async function attemptsIn(records: MemoryKeyValue): Promise<KvAttemptLog> {
  return new KvAttemptLog(
    records,
    'badge-award',
    await Outages.open(new MemoryKeyValue(), 'badge-award'),
    randomUUID(),
  );
}

type Use = (records: MemoryKeyValue) => Promise<unknown>;

const ATTEMPTS = 'attempts.badge-award.EVENTS.7';

test.each<[what: string, key: string, use: Use]>([
  ['the settled events', 'settled.badge-award', settlementsIn],
  ['the failures of an event, when they are read', ATTEMPTS, async (all) => (await attemptsIn(all)).read(message)],
  ['the failures of an event, when one is added', ATTEMPTS, async (all) => (await attemptsIn(all)).failed(message)],
  ['the failures of an event, when they are charged', ATTEMPTS, async (all) => (await attemptsIn(all)).charge(message)],
  [
    'the failures of all events of a handler, at its start',
    ATTEMPTS,
    async (all) =>
      (await attemptsIn(all)).failing('EVENTS', await settlementsIn(new MemoryKeyValue()), async () => false),
  ],
  ['the outages of a handler', 'circuit.badge-award', (all) => Outages.open(all, 'badge-award')],
  ['the newest config of the deployment', 'generation', (all) => applyConfig(all, 'abc', 'ann')],
])('a later format of %s is refused by name, and the record stays byte for byte', async (_what, key, use) => {
  const records = new MemoryKeyValue();
  const text = '{"format":2, "later":{}}';
  await records.put(key, text);
  await expect(use(records)).rejects.toMatchObject({
    code: 'JP_RECORD_NEWER',
    message: `the record ${key} in the bucket jetplug has format 2, and this host reads format 1`,
  });
  expect([...records.entries]).toEqual([[key, { value: text, revision: 1 }]]);
});

test('settlements that a later version stores while the host runs stay byte for byte, and the host notes it', async () => {
  const records = new MemoryKeyValue();
  const failures: unknown[] = [];
  const settlements = await settlementsIn(records, (error) => failures.push(error));
  settlements.settle(1);
  expect([await settlements.flush(), settlements.isUnreadable]).toEqual([true, false]);
  const text = '{"format":2,"settled":"1-5"}';
  const revision = await records.put('settled.badge-award', text);
  settlements.settle(2);
  expect([await settlements.flush(), settlements.isUnreadable]).toEqual([false, true]);
  expect(failures).toMatchObject([{ code: 'JP_RECORD_NEWER' }]);
  await expect(settlements.refresh()).rejects.toMatchObject({ code: 'JP_RECORD_NEWER' });
  expect(await records.get('settled.badge-award')).toEqual({ value: text, revision });

  // The later version was rolled back, and its record was removed.
  await records.delete('settled.badge-award');
  expect([await settlements.flush(), settlements.isUnreadable]).toEqual([true, false]);
  expect(JSON.parse((await records.get('settled.badge-award'))!.value!)).toMatchObject({ format: 1, ranges: [[1, 2]] });
});

test('the beginning of an outage does not replace a record of a later format', async () => {
  const records = new MemoryKeyValue();
  const outages = await Outages.open(records, 'badge-award');
  await records.put('circuit.badge-award', '{"format":2}');
  const begun = outages.begin({ since: new Date(0), reason: 'down' });
  await expect(begun).rejects.toMatchObject({ code: 'JP_RECORD_NEWER' });
  expect(await records.get('circuit.badge-award')).toEqual({ value: '{"format":2}', revision: 1 });
});

test('the contracts that a later version has published are not replaced; the log says so', async () => {
  const records = new MemoryKeyValue();
  await records.put('contracts.badge', '{"format":2}');
  const log = new RecordingLog();
  const contracts = new ContractRecords({ records, log, time: machineTime });
  const plugin = { name: 'badge', version: '1', isolation: {}, events: { contracts: [], published: [] }, handlers: [] };
  contracts.publish(plugin as never, loadConfig({ cwd: '/', env: {} }).config);
  while (log.lines.length === 0) await turn();
  await contracts.stop();
  expect(await records.get('contracts.badge')).toEqual({ value: '{"format":2}', revision: 1 });
  expect(log.lines).toMatchObject([
    { message: 'the contracts of a plugin could not be published', fields: { err: { code: 'JP_RECORD_NEWER' } } },
  ]);
});

test('records without a number have format 1', async () => {
  const records = new MemoryKeyValue();
  await records.put('settled.badge-award', JSON.stringify({ stream: 'EVENTS', created: CREATED, ranges: [[1, 4]] }));
  await records.put('circuit.badge-award', '{"count":3}');
  expect((await settlementsIn(records)).floor).toBe(4);
  expect((await Outages.open(records, 'badge-award')).count).toBe(3);
  for (const format of [undefined, 1, '1']) expect(() => assertReadable('it', format, 1)).not.toThrow();
});

test('a dead letter of a later format is not shown, and not redriven', () => {
  const letter = { id: 8, headers: { 'x-letter-format': '2' }, payload: new Uint8Array() };
  const refusal = 'dead letter 8 has format 2, and this host reads format 1';
  expect(() => summarise(letter)).toThrow(refusal);
  expect(() => redriven(letter)).toThrow(refusal);
});

test('a deferred event has a format, and one of a later format is refused by name', () => {
  const origin = { stream: 'EVENTS', sequence: 7, storedAtMs: 0 };
  const event = { plugin: 'badge', handler: 'award', origin, subject: 'video.a', dueAtMs: 5, pass: '1' };
  const deferred = { ...event, payload: new Uint8Array(), headers: {}, past: { failures: 1 } } as DeferredEvent;
  const { headers } = retryMessage(deferred);
  expect(deferralOf(headers)).toMatchObject({ origin, dueAtMs: 5 });
  expect(() => deferralOf({ ...headers, 'x-jetplug-format': '2' })).toThrow(
    'the deferred event of ["EVENTS",7,0] in the stream RETRY has format 2, and this host reads format 1',
  );
});

test('a host whose presence messages have a later format is not counted, which is logged once', () => {
  const log = new RecordingLog();
  let receive!: (error: null, message: { string(): string }) => void;
  const nc = {
    subscribe: (_subject: string, options: { callback: typeof receive }) => {
      receive = options.callback;
      return { unsubscribe: () => undefined };
    },
    isClosed: () => false,
    publish: () => undefined,
  };
  const presence = new HostPresence({ nc } as never, 'jetplug', log, machineTime);
  const none = new Set<string>();
  presence.join({ handlers: { all: none, held: none }, changed: () => undefined });
  const hear = (text: object): void => receive(null, { string: () => JSON.stringify(text) });
  for (let n = 0; n < 3; n++) hear({ format: 2, host: 'b', handlers: ['take'], held: [] });
  hear({ host: 'c', handlers: ['take', 'count'], held: ['count'] });
  for (const odd of [null, 5, { host: 5 }, { handlers: [] }]) hear(odd as object);
  hear({ host: 'd', handlers: 'take', held: [{}, 'count'] });
  expect([...presence.others]).toMatchObject([
    ['c', { all: new Set(['take', 'count']), held: new Set(['count']) }],
    ['d', { all: new Set(), held: new Set(['count']) }],
  ]);
  expect(log.lines).toMatchObject([
    {
      message: 'a host of a later version is not counted when handlers are spread over hosts',
      fields: { err: { code: 'JP_RECORD_NEWER' } },
    },
  ]);
  presence.stop();
});
