import * as fc from 'fast-check';
import type { RunRecord } from '../../../host/records/runs/run-record';
import { decodeRuns, mayHave, RunTable } from '../../../host/records/runs/run-table';

const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const ms = fc.nat().map((value) => value / 100);

const records: fc.Arbitrary<RunRecord> = fc
  .record({
    ...{ plugin: fc.constantFrom('badge', 'mail'), handler: fc.constantFrom('award', 'send'), version: fc.string() },
    ...{ stream: fc.constantFrom('EVENTS', 'ORDERS'), subject: fc.string(), sequence: fc.nat(), attempt: fc.nat() },
    ...{ id: optional(fc.string({ minLength: 1 })), root: optional(fc.string()), cause: optional(fc.string()) },
    ...{ storedAtMs: fc.nat(), waitedMs: ms, ranMs: ms, tookMs: ms, delayMs: optional(ms) },
    outcome: fc.constantFrom('handled' as const, 'failed' as const),
    verdict: fc.constantFrom('settled' as const, 'retried' as const),
    reason: optional(fc.string()),
    error: optional(fc.record({ name: fc.string(), message: fc.string() })),
    emits: optional(fc.array(fc.record({ id: fc.string(), subject: fc.string() }))),
    writes: optional(fc.array(fc.string())),
    lines: optional(fc.array(fc.record({ level: fc.string(), message: fc.string() }))),
    ...{ linesLeft: optional(fc.nat()), isPartial: optional(fc.constant(true)) },
  })
  .map(({ id = 'e1', root, waitedMs, ...rest }) => {
    return { ...rest, id, root: root || id, startedAtMs: rest.storedAtMs + waitedMs };
  });

const encode = (runs: readonly RunRecord[]): Uint8Array => {
  const table = new RunTable();
  for (const run of runs) table.add(run);
  return table.encode('h');
};

it('returns the records that were added, whatever their members are', () => {
  fc.assert(
    fc.property(fc.array(records), (runs) => {
      expect(decodeRuns(encode(runs))).toEqual({ host: 'h', runs });
    }),
  );
});

it('finds each id of an event in the bytes of its message', () => {
  fc.assert(
    fc.property(fc.array(records, { minLength: 1 }), (runs) => {
      const message = encode(runs);
      for (const { id, root, stream, sequence, emits = [] } of runs) {
        for (const name of [id, root, `${stream}:${sequence}`, ...emits.map((emit) => emit.id)])
          expect(mayHave([name])(message)).toBe(true);
      }
    }),
  );
  expect(mayHave(['e1', 'EVENTS:1'])(encode([]))).toBe(false);
});

it('takes few bytes for a run that is as usual', () => {
  const run: RunRecord = {
    ...{ plugin: 'badge', handler: 'award', version: '1cb9c37e1656', stream: 'EVENTS', sequence: 184_211 },
    ...{ storedAtMs: 1.7e12, subject: 'video.watch_started', id: 'EVENTS:184211', root: 'EVENTS:184211', attempt: 1 },
    ...{ startedAtMs: 1.7e12 + 2.51, ranMs: 0.02, tookMs: 0.4, outcome: 'handled', verdict: 'settled' },
  };
  expect((3 * encode(Array<RunRecord>(1_000).fill(run)).length) / 1_000).toBeLessThan(JSON.stringify(run).length);
});
