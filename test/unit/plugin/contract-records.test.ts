/** The records of contracts in the host's bucket, with several hosts on it. */
import { JetplugError } from '../../../sdk/internal';
import type { PluginDefinition } from '../../../host/load/describe';
import { ContractRecords } from '../../../host/plugin/contract-records';
import { contractsMayDiffer, parseContractRecord } from '../../../host/plugin/contract-record';
import { memoryHost, settle } from '../../support/memory-host';
import { MemoryKeyValue } from '../../support/memory-key-value';

const KEY = 'contracts.badge';

function plugin(version: string, schema: object = { type: 'object' }): PluginDefinition {
  const contract = { subject: 'video.a', name: 'A', schema, notes: [] };
  const events = { contracts: [contract], handled: [], published: [] };
  return { name: 'badge', version, isolation: { isolation: 'inline' }, handlers: [], events } as never;
}

function hosts() {
  const { host, log, time } = memoryHost();
  let lost: () => void = () => undefined;
  const records = Object.assign(new MemoryKeyValue(), {
    onLost: (listener: () => void) => {
      lost = listener;
      return () => undefined;
    },
  });
  const host_ = { ...host, records };
  const start = () => {
    const contracts = new ContractRecords(host_);
    const publish = async (definition: PluginDefinition): Promise<void> => {
      contracts.publish(definition, host.config);
      await settle();
    };
    const withdraw = async (): Promise<void> => {
      contracts.withdraw('badge');
      await settle();
    };
    return { publish, withdraw, stop: () => contracts.stop() };
  };
  const stored = async () => {
    const text = (await records.get(KEY))?.value;
    return text === undefined ? undefined : parseContractRecord(text);
  };
  return { records, start, stored, log, time, lose: () => lost() };
}

test('hosts with the same files write a record once', async () => {
  const { records, start, stored } = hosts();
  await start().publish(plugin('v1'));
  await start().publish(plugin('v1'));
  expect(records.calls.put).toBe(1);
  expect(await stored()).toMatchObject({ format: 1, plugin: 'badge', version: 'v1', contracts: [{ name: 'A' }] });
});

test('the host that started last counts, and an older host does not write its record again', async () => {
  const { start, stored } = hosts();
  const [older, newer] = [start(), start()];
  await older.publish(plugin('v1'));
  await newer.publish(plugin('v2'));
  expect(await stored()).toMatchObject({ version: 'v2' });
  await older.stop();
  expect(await stored()).toMatchObject({ version: 'v2' });
});

test('a default that each host computes anew does not make hosts write again', async () => {
  const { records, start } = hosts();
  const at = (time: string) => plugin('v1', { properties: { at: { type: 'string', default: time } } });
  await start().publish(at('10:00'));
  await start().publish(at('11:00'));
  expect(records.calls.put).toBe(1);
});

test('a text that another program has written is replaced', async () => {
  const { records, start, stored } = hosts();
  await records.put(KEY, 'not JSON');
  await start().publish(plugin('v1'));
  expect(await stored()).toMatchObject({ version: 'v1' });
});

test('a host removes its own record, and leaves that of another host', async () => {
  const { start, stored } = hosts();
  const [first, second] = [start(), start()];
  await first.publish(plugin('v1'));
  await second.publish(plugin('v2'));
  await first.withdraw();
  expect(await stored()).toMatchObject({ version: 'v2' });
  await second.withdraw();
  expect(await stored()).toBeUndefined();
});

test('a write that fails is logged and tried again, with the newest version', async () => {
  const { records, start, stored, log, time } = hosts();
  const host = start();
  records.failNext = new JetplugError('JP_STORE_UNAVAILABLE', 'no answer');
  await host.publish(plugin('v1'));
  expect(log.lines).toMatchObject([{ level: 'warn', message: 'the contracts of a plugin could not be published' }]);
  await host.publish(plugin('v2'));
  time.step(Infinity, false);
  await settle();
  expect(await stored()).toMatchObject({ version: 'v2' });
  expect(records.calls.put).toBe(1);
});

test('the records are written again when the server has lost the bucket', async () => {
  const { records, start, stored, lose } = hosts();
  await start().publish(plugin('v1'));
  records.renew();
  lose();
  await settle();
  expect(await stored()).toMatchObject({ version: 'v1' });
});

test('a write that can never succeed is logged once, and the stop waits for nothing', async () => {
  const { records, start, stored, log } = hosts();
  const host = start();
  records.failNext = new JetplugError('JP_STORE_VALUE_INVALID', 'too large');
  await host.publish(plugin('v1'));
  await host.stop();
  expect(log.lines).toHaveLength(1);
  expect(await stored()).toBeUndefined();
});

test('contracts may differ with the version or with a schema, but not with a default that is computed', async () => {
  const { start, stored } = hosts();
  const recordOf = async (definition: PluginDefinition) => {
    await start().publish(definition);
    return (await stored())!;
  };
  const withDefault = (value: number) => ({ type: 'object', properties: { at: { default: value } } });
  const first = await recordOf(plugin('v1', withDefault(1)));
  expect(contractsMayDiffer(first, { ...first, handlers: [] })).toBe(false);
  const [contract] = first.contracts;
  expect(contractsMayDiffer(first, { ...first, contracts: [{ ...contract!, schema: withDefault(2) }] })).toBe(false);
  expect(contractsMayDiffer(first, await recordOf(plugin('v2', withDefault(1))))).toBe(true);
  expect(contractsMayDiffer(first, { ...first, contracts: [{ ...contract!, schema: { type: 'string' } }] })).toBe(true);
});

test('the largest schemas are left out, so that a record fits into a message', async () => {
  const { start, stored } = hosts();
  const large = (length: number) => ({ type: 'object', description: 'x'.repeat(length) });
  const definition = plugin('v1');
  const [contract] = definition.events.contracts;
  const contracts = [700_000, 100_000, 300_000].map((length) => ({ ...contract!, schema: large(length) }));
  await start().publish({ ...definition, events: { ...definition.events, contracts } });
  const record = await stored();
  expect(record?.contracts.map(({ schema }) => JSON.stringify(schema).length > 1_000)).toEqual([false, true, true]);
  expect(record?.contracts[0]).toMatchObject({
    schema: { type: 'object' },
    notes: [expect.stringMatching(/^#: its JSON Schema of 7\d+ bytes is too large to be published$/)],
  });
});

test.each([
  ['{"format":2}', 'its format is 2, not 1'],
  ['null', 'its format is undefined, not 1'],
  ['{"format":1,"plugin":"badge"}', 'it is not the record of a plugin'],
])('a text such as %s is no record', (text, reason) => {
  expect(() => parseContractRecord(text)).toThrow(reason);
});
