/** Features of the testing kit beyond those of a host: the time that a test moves, and the report of unsettled events. */
import { Plugin, RetryLater, Subscribe, type EventContext } from 'jetplug/sdk';
import { TestClock, testHost } from 'jetplug/testing';
import { z } from 'zod';
import { BadgeAwarded, VideoWatchStarted } from '../../../plugins/contracts/streaming';
import { BadgePlugin } from '../../../plugins/badge.plugin';
import { defineEvent } from '../../../sdk';

class Placed extends defineEvent('orders.placed', z.object({ n: z.number() })) {}

const START = '2026-05-12T12:00:00.000Z';

test('retries and RetryLater of any length take no real time', async () => {
  const times: string[] = [];
  let clock = new TestClock();
  @Plugin({ name: 'waits' })
  class WaitsPlugin {
    @Subscribe(Placed, { retry: { backoff: ['1m', '1h'] } })
    take(_event: Placed, { attempt }: EventContext): void {
      times.push(clock.now().toISOString().slice(11, 13));
      if (attempt < 3) throw new Error('again');
      if (times.length < 4) throw new RetryLater('6h');
    }
  }
  clock = new TestClock(START);
  const host = await testHost([WaitsPlugin], { clock });
  const startedMs = performance.now();
  await host.publish(Placed, { n: 1 });
  await host.settled();
  expect(performance.now() - startedMs).toBeLessThan(2_000);
  expect(times[0]).toBe('12');
  expect(Number(times[3])).toBeGreaterThanOrEqual(18);
  await host.stop();
});

test('the time stands still while a handler runs, and the test can move it', async () => {
  let end = (): void => undefined;
  let ended = 'not';
  @Plugin({ name: 'held' })
  class HeldPlugin {
    @Subscribe(Placed, { timeout: '10s', retry: { attempts: 1 } })
    async take(_event: Placed, { signal }: EventContext): Promise<void> {
      signal.addEventListener('abort', () => (ended = 'timed out'));
      await new Promise<void>((resolve) => (end = resolve));
    }
  }
  const host = await testHost([HeldPlugin], { clock: new TestClock(START) });
  await host.publish(Placed, { n: 1 });
  await expect(host.settled({ within: '50ms' })).rejects.toMatchObject({
    code: 'JP_TEST_UNSETTLED',
    message: 'held.take: 0 pending, 1 in flight, 1 running',
  });
  expect(host.clock.now().toISOString()).toBe(START);
  await host.clock.advance('9s');
  expect(ended).toBe('not');
  await host.clock.advance('2s');
  expect(ended).toBe('timed out');
  end();
  await host.settled();
  expect(host.deadLetters()).toMatchObject([{ reason: 'timeout' }]);
  await host.stop();
});

test('an idle week passes at once', async () => {
  const host = await testHost([BadgePlugin], { clock: new TestClock(START) });
  const startedMs = performance.now();
  await host.clock.advance('7d');
  expect(performance.now() - startedMs).toBeLessThan(1_000);
  expect(host.clock.now().toISOString()).toBe('2026-05-19T12:00:00.000Z');
  await host.stop();
});

test('a duplicate id is dropped within the duplicate window only', async () => {
  const host = await testHost([BadgePlugin], { clock: new TestClock(START) });
  const event = { user_id: 'u1', video_id: 'v1' };
  await host.publish(VideoWatchStarted, event, { id: 'e1' });
  await host.clock.advance('1m');
  await host.publish(VideoWatchStarted, event, { id: 'e1' });
  await host.clock.advance('2m');
  await host.publish(VideoWatchStarted, event, { id: 'e1' });
  await host.settled();
  expect(await host.store(BadgePlugin).get('u1')).toBe(2);
  await host.stop();
});

test('the log lines of plugins are recorded', async () => {
  @Plugin({ name: 'talks' })
  class TalksPlugin {
    @Subscribe(Placed)
    take({ n }: Placed, { log }: EventContext): void {
      log.info(`it is ${n}`);
    }
  }
  const host = await testHost([TalksPlugin]);
  await host.publish(Placed, { n: 4 });
  await host.settled();
  expect(host.logged).toContainEqual(
    expect.objectContaining({
      level: 'info',
      message: 'it is 4',
      fields: expect.objectContaining({ handler: 'take' }),
    }),
  );
  await host.stop();
});

test('a test of one plugin takes milliseconds', async () => {
  const tookMs: number[] = [];
  for (let i = 0; i < 20; i++) {
    const startedMs = performance.now();
    const host = await testHost([BadgePlugin]);
    await host.publish(VideoWatchStarted, { user_id: 'u1', video_id: 'v1' });
    await host.settled();
    expect(host.published(BadgeAwarded)).toHaveLength(1);
    await host.stop();
    tookMs.push(performance.now() - startedMs);
  }
  tookMs.sort((a, b) => a - b);
  process.stdout.write(`one plugin test on the kit: ${tookMs[10]!.toFixed(1)} ms (median of 20)\n`);
  expect(tookMs[10]).toBeLessThan(200);
});
