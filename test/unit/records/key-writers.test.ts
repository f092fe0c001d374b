import fc from 'fast-check';
import { KeyWriters } from '../../../host/records/key-writers';
import { KvLongTexts } from '../../../host/records/long-texts';
import { decodeMarks } from '../../../host/records/marks';
import { Settlements } from '../../../host/records/settlements';
import { AlreadySettled, type UpdateIdentity, type Change } from '../../../host/records/write-batch';
import { MemoryKeyValue } from '../../support/memory-key-value';

const increment: Change = (text) => String(Number(text ?? 0) + 1);
const refused: Change = () => {
  throw new Error('applied a second time');
};

/** The warnings that the hosts logged. */
const warnings: object[] = [];
beforeEach(() => warnings.splice(0));
afterEach(() => expect(warnings).toEqual([]));

/** A host's access to a plugin's bucket, and its settlements of one handler. */
class HostSide {
  private constructor(
    readonly writers: KeyWriters,
    readonly settlements: Settlements,
    private readonly texts: KvLongTexts,
  ) {}

  static async open(
    bucket: MemoryKeyValue,
    records: MemoryKeyValue,
    durable = 'badge-award',
    streamCreated = 'first',
  ): Promise<HostSide> {
    const settlements = await Settlements.open({
      records,
      durable,
      stream: 'EVENTS',
      streamCreated,
      hasWildcards: false,
      checkpoint: () => Promise.resolve(undefined),
      failed: (error) => {
        throw error;
      },
    });
    const texts = new KvLongTexts(records, (message, details) => warnings.push({ message, ...details }));
    return new HostSide(new KeyWriters(bucket), settlements, texts);
  }

  write(sequence: number, change: Change = increment, ordinal = 0): Promise<string | undefined> {
    const { settlements, texts } = this;
    const identity: UpdateIdentity = { settlements, texts, sequence, ordinal };
    return this.writers.write('k', change, identity);
  }

  async settle(sequence: number): Promise<void> {
    this.settlements.settle(sequence);
    await this.settlements.flush();
  }
}

async function twoHosts() {
  const [bucket, records] = [new MemoryKeyValue(), new MemoryKeyValue()];
  const [a, b] = [await HostSide.open(bucket, records), await HostSide.open(bucket, records)];
  const marks = () => decodeMarks(bucket.entries.get('k')?.marks, bucket.entries.get('k')?.value);
  return { bucket, records, a, b, marks };
}

test('an update of an event is applied once; a repeat gets the first result, not the present value', async () => {
  const { bucket, a, b } = await twoHosts();
  expect(await a.write(10)).toBe('1');
  expect(await a.write(11)).toBe('2');
  expect(await a.write(10, refused)).toBe('1');
  expect(await b.write(10, refused)).toBe('1');
  expect(await b.write(11, refused)).toBe('2');
  expect(await b.write(12)).toBe('3');
  expect(bucket.entries.get('k')!.value).toBe('3');
});

test('a repeat writes nothing', async () => {
  const { bucket, a, b } = await twoHosts();
  await a.write(10);
  await a.write(10, refused);
  await b.write(10, refused);
  expect(bucket.calls.put).toBe(1);
});

test('an event’s updates of one key are distinguished by their order in the run', async () => {
  const { a, b } = await twoHosts();
  expect([await a.write(10, increment, 0), await a.write(10, increment, 1)]).toEqual(['1', '2']);
  expect([await b.write(10, refused, 0), await b.write(10, refused, 1), await b.write(10, increment, 2)]).toEqual([
    '1',
    '2',
    '3',
  ]);
});

test('a removal is marked as well', async () => {
  const { a, b } = await twoHosts();
  await a.write(10);
  expect(await a.write(11, () => undefined)).toBeUndefined();
  expect(await a.write(12)).toBe('1');
  expect(await b.write(11, refused)).toBeUndefined();
  expect(await b.write(10, refused)).toBe('1');
});

test('updates written together are each marked', async () => {
  const { bucket, a, b } = await twoHosts();
  const sequences = [1, 2, 3, 4, 5, 6];
  const values = await Promise.all(sequences.map((sequence) => a.write(sequence)));
  expect(bucket.calls.put).toBe(2);
  expect(await Promise.all(sequences.map((sequence) => b.write(sequence, refused)))).toEqual(values);
});

test('a change that throws leaves no mark, and can be made again', async () => {
  const { a, marks } = await twoHosts();
  await a.write(9);
  await expect(a.write(10, refused)).rejects.toThrow('a second time');
  expect(marks()['badge-award']!.m.map(([sequence]) => sequence)).toEqual([9]);
  expect(await a.write(10)).toBe('2');
});

test('the updates of one handler are not repeats for another handler of the plugin', async () => {
  const [bucket, records] = [new MemoryKeyValue(), new MemoryKeyValue()];
  const award = await HostSide.open(bucket, records);
  const revoke = await HostSide.open(bucket, records, 'badge-revoke');
  expect(await award.write(10)).toBe('1');
  expect(await revoke.write(10)).toBe('2');
  expect(await award.write(10, refused)).toBe('1');
  expect(await revoke.write(10, refused)).toBe('2');
});

test('an update outside of an event is applied at each call, and keeps the marks', async () => {
  const { a, b } = await twoHosts();
  await a.write(10);
  expect(await b.writers.write('k', increment)).toBe('2');
  expect(await b.writers.write('k', increment)).toBe('3');
  expect(await a.write(10, refused)).toBe('1');
});

test('the next write drops the marks of events whose settlement is stored, and no others', async () => {
  const { a, marks } = await twoHosts();
  await a.write(10);
  await a.settle(10);
  await a.write(11);
  expect(marks()['badge-award']).toEqual({ g: 'first', r: 1, m: [[11, 0, '2']] });
  a.settlements.settle(11);
  await a.write(12);
  expect(marks()['badge-award']!.m.map(([sequence]) => sequence)).toEqual([11, 12]);
  await a.settlements.flush();
  await a.write(13);
  expect(marks()['badge-award']).toEqual({
    g: 'first',
    r: 2,
    m: [
      [12, 0, '3'],
      [13, 0, '4'],
    ],
  });
});

test('an event that this host knows to be settled is refused', async () => {
  const { bucket, a } = await twoHosts();
  await a.write(10);
  await a.settle(10);
  await a.write(11);
  await expect(a.write(10, refused)).rejects.toBeInstanceOf(AlreadySettled);
  expect(bucket.entries.get('k')!.value).toBe('2');
});

test('a host that was frozen while another settled the event and dropped its mark refreshes its settlements before it applies', async () => {
  const { bucket, a, b } = await twoHosts();
  // b has the event too, and an earlier state of the key.
  await b.write(9);
  await a.write(10);
  await a.settle(10);
  await a.write(11);
  expect(b.settlements.has(10)).toBe(false);
  await expect(b.write(10, refused)).rejects.toBeInstanceOf(AlreadySettled);
  expect(b.settlements.has(10)).toBe(true);
  expect(bucket.entries.get('k')!.value).toBe('3');
  // An update of a new event is still applied.
  expect(await b.write(12)).toBe('4');
});

test('the revision at which marks were last dropped never decreases, also when a host with older settlements writes', async () => {
  const { a, b, marks } = await twoHosts();
  await a.write(10);
  await a.settle(10);
  await a.write(11);
  const dropped = marks()['badge-award']!.r;
  await a.settle(20);
  await b.settlements.refresh();
  await b.write(12);
  expect(marks()['badge-award']!.r).toBeGreaterThanOrEqual(dropped);
  await a.write(13);
  expect(marks()['badge-award']!.r).toBeGreaterThanOrEqual(b.settlements.revision);
});

test('the marks of an earlier stream do not count for a recreated one', async () => {
  const [bucket, records] = [new MemoryKeyValue(), new MemoryKeyValue()];
  const before = await HostSide.open(bucket, records);
  await before.write(10);
  const after = await HostSide.open(bucket, records, 'badge-award', 'second');
  const failing = after.write(3, refused);
  const other = after.writers.write('k', increment);
  await expect(failing).rejects.toThrow();
  expect(await other).toBe('2');
  expect(await after.write(10)).toBe('3');
  expect(decodeMarks(bucket.entries.get('k')!.marks, undefined)).toEqual({
    'badge-award': { g: 'second', r: 0, m: [[10, 0, '3']] },
  });
});

test('a write whose marks are large stores the settlements first, so that marks can be dropped', async () => {
  const { bucket, a, marks } = await twoHosts();
  const long: Change = (text) => JSON.stringify('x'.repeat((text?.length ?? 11_000) + 1));
  for (const sequence of [1, 2, 3]) {
    await a.write(sequence, long);
    a.settlements.settle(sequence);
  }
  expect(marks()['badge-award']!.m.length).toBe(3);
  await a.write(4, long);
  expect(marks()['badge-award']!.m.map(([sequence]) => sequence)).toEqual([4]);
  expect(bucket.entries.get('k')!.marks!.length).toBeLessThan(32_768);
});

describe('a result of an update that does not fit beside the value', () => {
  const LENGTH = 20_000;
  /** Appends a number to a text that is long from the first on. */
  const grow: Change = (text) =>
    JSON.stringify({ n: (text ? (JSON.parse(text) as { n: number }).n : 0) + 1, fill: 'ж'.repeat(LENGTH) });
  const nOf = (text: string | undefined): number => (JSON.parse(text!) as { n: number }).n;
  const asideIn = (records: MemoryKeyValue): string[] =>
    [...records.entries.keys()].filter((key) => key.startsWith('text.'));

  test('is kept in its own record, and a repeat on any host gets it', async () => {
    const { records, bucket, a, b } = await twoHosts();
    for (const sequence of [1, 2, 3, 4]) expect(nOf(await a.write(sequence, grow))).toBe(sequence);
    expect(bucket.entries.get('k')!.marks!.length).toBeLessThan(49_152);
    expect(asideIn(records)).not.toEqual([]);
    for (const host of [a, b]) {
      for (const sequence of [1, 2, 3, 4]) expect(nOf(await host.write(sequence, refused))).toBe(sequence);
    }
  });

  test('is removed with its mark', async () => {
    const { records, a, marks } = await twoHosts();
    for (const sequence of [1, 2, 3, 4]) await a.write(sequence, grow);
    for (const sequence of [1, 2, 3, 4]) await a.settle(sequence);
    await a.write(5, increment);
    expect(marks()['badge-award']!.m.map(([sequence]) => sequence)).toEqual([5]);
    await Promise.resolve();
    expect(asideIn(records)).toEqual([]);
  });

  test('is the value itself after the last update, and is not kept twice', async () => {
    const { records, bucket, a, b } = await twoHosts();
    const huge: Change = (text) => JSON.stringify('x'.repeat((text?.length ?? 0) + 100_000));
    for (const sequence of [1, 2, 3]) {
      const value = await a.write(sequence, huge);
      expect(await b.write(sequence, refused)).toBe(value);
      await a.settle(sequence);
    }
    expect(bucket.entries.get('k')!.marks!.length).toBeLessThan(100);
    expect([records.calls.put, asideIn(records)]).toEqual([3, []]);
  });

  test('needs no record when it fits', async () => {
    const { records, a } = await twoHosts();
    const { put } = records.calls;
    for (let sequence = 1; sequence <= 100; sequence++)
      await a.write(sequence, () => `"${'x'.repeat(290)}${sequence}"`);
    expect([records.calls.put, asideIn(records)]).toEqual([put, []]);
  });

  test('is removed when its write lost a race', async () => {
    const { records, bucket, a, b } = await twoHosts();
    await a.write(1, grow);
    // b writes without a's knowledge, so that a's next write meets a conflict.
    await b.write(2, grow);
    await a.write(3, grow);
    await a.write(4, grow);
    const named = new Set([...bucket.entries.get('k')!.marks!.matchAll(/"([\w-]{12})"/g)].map(([, name]) => name));
    await Promise.resolve();
    expect(new Set(asideIn(records).map((key) => key.split('.')[1]))).toEqual(named);
    for (const sequence of [1, 2, 3, 4]) expect(nOf(await b.write(sequence, refused))).toBe(sequence);
  });

  test('is not read when another host has settled its event: the frozen host refreshes its settlements and is refused', async () => {
    const { a, b } = await twoHosts();
    for (const sequence of [1, 2, 3]) await a.write(sequence, grow);
    // b reads the marks, and freezes.
    await b.write(4, grow);
    for (const sequence of [1, 2, 3]) await a.settle(sequence);
    await a.write(5, increment);
    await expect(b.write(1, refused)).rejects.toBeInstanceOf(AlreadySettled);
  });

  test('is replaced by the present value, with a warning, when its record was removed by hand', async () => {
    const { records, a, b } = await twoHosts();
    for (const sequence of [1, 2, 3, 4]) await a.write(sequence, grow);
    for (const key of asideIn(records)) records.entries.delete(key);
    expect(nOf(await b.write(1, refused))).toBe(4);
    expect(warnings.splice(0)).toMatchObject([
      { message: 'record needed for a repeated update is missing', sequence: 1 },
    ]);
  });

  test('is never lost: an update whose record cannot be stored is not stored either', async () => {
    const { bucket, records, a } = await twoHosts();
    await a.write(1, grow);
    const before = bucket.entries.get('k');
    records.put = () => Promise.reject(new Error('no answer'));
    await expect(a.write(2, grow)).rejects.toThrow('no answer');
    expect(bucket.entries.get('k')).toEqual(before);
  });
});

test('a value in any script survives in a mark, which is one line of ASCII', async () => {
  const { a, b } = await twoHosts();
  let sequence = 0;
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
      const kept = await a.write(++sequence, () => JSON.stringify(text));
      expect(kept).toBe(JSON.stringify(text));
      expect(await b.write(sequence, refused)).toBe(kept);
      await a.settle(sequence);
      await b.settlements.refresh();
    }),
    { numRuns: 50 },
  );
});

/** A host's attempt at an event, and the point at which the host dies, if it does. */
interface Try {
  readonly host: number;
  readonly event: number;
  readonly dies: 'before' | 'after store' | 'after settle' | 'never';
}

test.each([
  ['small', 0],
  ['large', 30_000],
])(
  'each event is applied once and each repeat gets its first value, a %s one, with any hosts that try, die or lag',
  async (_size, length) => {
    const count: Change = (text) => `${Number(text?.trim() ?? 0) + 1}${' '.repeat(length)}`;
    const tries: fc.Arbitrary<Try[]> = fc.array(
      fc.record({
        host: fc.nat(1),
        event: fc.integer({ min: 1, max: 5 }),
        dies: fc.constantFrom('before', 'after store', 'after settle', 'never', 'never'),
      }),
      { maxLength: 24 },
    );
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), tries, async (s, given) => {
        const bucket = new MemoryKeyValue(() => s.schedule(Promise.resolve()));
        const records = new MemoryKeyValue(() => s.schedule(Promise.resolve()));
        const open = () => HostSide.open(bucket, records);
        const hosts = await s.waitFor(Promise.all([open(), open()]));
        const applications: number[] = [];
        const values = new Map<number, Set<string | undefined>>();
        const attempt = async ({ host: at, event, dies }: Try): Promise<void> => {
          const host = hosts[at]!;
          const restart = async (): Promise<void> => void (hosts[at] = await open());
          await s.schedule(Promise.resolve());
          if (host.settlements.has(event)) return;
          if (dies === 'before') return restart();
          let value: string | undefined;
          try {
            value = await host.write(event, count);
          } catch (error) {
            expect(error).toBeInstanceOf(AlreadySettled);
            expect(values.get(event)?.size).toBe(1);
            return;
          }
          values.set(event, (values.get(event) ?? new Set()).add(value));
          applications.push(event);
          if (dies === 'after store') return restart();
          host.settlements.settle(event);
          if (dies === 'after settle') return restart();
          await s.schedule(Promise.resolve());
          await host.settlements.flush();
        };
        // Four attempts at a time run concurrently, after the earlier ones have ended.
        for (let i = 0; i < given.length; i += 4) await s.waitFor(Promise.all(given.slice(i, i + 4).map(attempt)));
        const events = new Set(applications);
        expect(bucket.entries.get('k')?.value?.trim()).toBe(events.size === 0 ? undefined : String(events.size));
        for (const seen of values.values()) expect(seen.size).toBe(1);
        // Each event has its own value, as the value counts the applied events.
        expect(new Set([...values.values()].flatMap((seen) => [...seen])).size).toBe(events.size);
        await s.waitFor(Promise.all(hosts.map((host) => host.settlements.flush())));
      }),
      { numRuns: 300 },
    );
  },
);

test('an entry that was read before its bucket was recreated is discarded, though the revision is the same', async () => {
  const { bucket, a, b } = await twoHosts();
  expect(await a.write(10)).toBe('1');
  bucket.renew();
  // b is the first to write to the new bucket, so its revision is the one that a remembers.
  expect(await b.write(11, () => '40')).toBe('40');
  expect(await a.write(12)).toBe('41');
});
