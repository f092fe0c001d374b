import fc from 'fast-check';
import { Limiter } from '../../../../host/base/limiter';
import { ConcurrencyLimit } from '../../../../host/message/intake/concurrency-limit';
import { HostConcurrency } from '../../../../host/message/intake/host-concurrency';
import type { VersionRuns } from '../../../../host/message/intake/version-runs';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A handler with events that wait. Each runs until the test ends it. */
class FakeHandler {
  readonly runs: VersionRuns[] = [];
  readonly permits: ConcurrencyLimit;
  begun = 0;

  constructor(
    private readonly name: string,
    public waiting: number,
    concurrency: number,
    host: HostConcurrency,
    private readonly journal: string[],
  ) {
    this.permits = new ConcurrencyLimit(concurrency, new Limiter(1), () => this.start(), host);
  }

  start(): void {
    while (this.waiting > 0 && this.permits.isFree) {
      this.waiting--;
      this.begun++;
      this.runs.push(this.permits.take());
      this.journal.push(this.name);
    }
    if (this.waiting > 0) this.permits.waitForHost();
  }

  end(): void {
    this.permits.free(this.runs.shift()!);
    this.start();
  }
}

function handlersOf(most: number, ...sizes: { waiting: number; concurrency: number }[]) {
  const host = new HostConcurrency(most);
  const journal: string[] = [];
  const handlers = sizes.map(
    ({ waiting, concurrency }, i) => new FakeHandler('abcdef'[i]!, waiting, concurrency, host, journal),
  );
  for (const handler of handlers) handler.start();
  return { host, journal, handlers };
}

test('handlers that wait for the host take turns, one call each', () => {
  const many = { waiting: 20, concurrency: 8 };
  const few = { waiting: 2, concurrency: 8 };
  const { host, journal, handlers } = handlersOf(3, many, few, few);
  const [first] = handlers;
  expect(journal.splice(0)).toEqual(['a', 'a', 'a']);
  for (let n = 0; n < 3; n++) first!.end();
  expect(journal.splice(0)).toEqual(['a', 'b', 'c']);
  expect(host.running).toBe(3);
  first!.end();
  for (const handler of handlers.slice(1)) handler.end();
  expect(journal).toEqual(['a', 'b', 'c']);
});

test('never more calls run than the host has permits, none is lost, and no permit stays free while a call waits', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.record({ waiting: fc.integer({ min: 0, max: 12 }), concurrency: fc.integer({ min: 1, max: 4 }) }), {
        minLength: 1,
        maxLength: 6,
      }),
      fc.array(fc.nat(), { minLength: 80, maxLength: 80 }),
      (most, sizes, order) => {
        const { host, handlers } = handlersOf(most, ...sizes);
        const total = sizes.reduce((sum, { waiting }) => sum + waiting, 0);
        for (let n = 0; n < total; n++) {
          const running = handlers.filter(({ runs }) => runs.length > 0);
          expect(host.running).toBe(running.reduce((sum, { runs }) => sum + runs.length, 0));
          expect(host.running).toBeLessThanOrEqual(most);
          const blocked = handlers.some(({ waiting, runs }, i) => waiting > 0 && runs.length < sizes[i]!.concurrency);
          expect(host.running === most || !blocked).toBe(true);
          running[order[n]! % running.length]!.end();
        }
        expect(handlers.map(({ begun }) => begun)).toEqual(sizes.map(({ waiting }) => waiting));
        expect(host.running).toBe(0);
      },
    ),
  );
});

test('a call that waits for its commit has no permit, and starts again only when the host has one', async () => {
  const host = new HostConcurrency(1);
  const first = new ConcurrencyLimit(4, new Limiter(1), () => undefined, host);
  const second = new ConcurrencyLimit(4, new Limiter(1), () => undefined, host);
  first.take();
  expect(second.isFree).toBe(false);
  first.beginCommit();
  expect(second.isFree).toBe(true);
  const other = second.take();
  first.endCommit();
  expect(host.isOver).toBe(true);
  let again = false;
  void first.whenFree()!.then(() => (again = true));
  await turn();
  expect([again, host.running]).toEqual([false, 1]);
  second.free(other);
  await turn();
  expect([again, host.running]).toEqual([true, 1]);
});

test('an event that waits to run alone has no permit of the host, so it cannot block the call that it waits for', async () => {
  const host = new HostConcurrency(1);
  const permits = new ConcurrencyLimit(1, new Limiter(1), () => undefined, host);
  const other = permits.take();
  permits.beginCommit();
  permits.take();
  const alone = permits.alone();
  permits.endCommit();
  expect(permits.whenFree()).toBeUndefined();
  permits.free(other);
  const end = await alone;
  expect(host.running).toBe(1);
  end!();
});
