import { ticks, waterfall } from '../../../page/lib/waterfall';
import type { HostRun, Trace } from '../../../host/ops/trace';

function run(part: Partial<HostRun>): HostRun {
  const at = { storedAtMs: 1000, startedAtMs: 1010, ranMs: 10, tookMs: 10 };
  const event = { id: 'a', root: 'a', subject: 'a', stream: 'EVENTS', sequence: 1 };
  return {
    host: 'h',
    plugin: 'p',
    handler: 'run',
    version: '1',
    attempt: 1,
    outcome: 'handled',
    verdict: 'settled',
    ...at,
    ...event,
    ...part,
  };
}

const TRACE: Trace = {
  root: {
    id: 'a',
    storedAtMs: 1000,
    runs: [
      {
        record: run({}),
        events: [
          {
            id: 'b',
            storedAtMs: 1020,
            runs: [{ record: run({ id: 'b', storedAtMs: 1020, startedAtMs: 1030, tookMs: 70 }), events: [] }],
          },
        ],
      },
      { record: run({ attempt: 2 }), events: [] },
    ],
  },
  strays: [{ id: 'c', runs: [] }],
  startedAtMs: 1000,
  endedAtMs: 1100,
  isPartial: false,
};

describe('the waterfall', () => {
  it('has a line for each event and each run, in the order of the tree', () => {
    expect(waterfall(TRACE).map(({ event, run: own, depth }) => [event.id, own?.attempt, depth])).toEqual([
      ['a', undefined, 0],
      ['a', 1, 1],
      ['b', undefined, 2],
      ['b', 1, 3],
      ['a', 2, 1],
      ['c', undefined, 0],
    ]);
  });

  it('places the wait and the run on the scale of the trace', () => {
    const [, first, , second] = waterfall(TRACE);
    expect(first).toMatchObject({ waitFrom: 0, start: 0.1, end: 0.2 });
    expect(second).toMatchObject({ waitFrom: 0.2, start: 0.3, end: 1 });
  });

  it('names each line differently', () => {
    const names = waterfall(TRACE).map(({ id }) => id);
    expect(new Set(names).size).toBe(names.length);
  });

  it('keeps a run that the clocks of two hosts place before its event on the scale', () => {
    const [, line] = waterfall({
      ...TRACE,
      root: { id: 'a', runs: [{ record: run({ startedAtMs: 900 }), events: [] }] },
    });
    expect(line).toMatchObject({ start: 0 });
  });
});

describe('the marks of the scale', () => {
  it.each([
    [46, [0, 10, 20, 30, 40]],
    [100, [0, 20, 40, 60, 80, 100]],
    [1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [7300, [0, 2000, 4000, 6000]],
  ])('of %d ms are round', (spanMs, marks) => {
    const found = ticks(spanMs);
    expect(found).toHaveLength(marks.length);
    marks.forEach((mark, index) => expect(found[index]).toBeCloseTo(mark));
  });
});
