/** How an event is settled after each way in which its handler may end. */
import {
  Plugin,
  Reject,
  RetryLater,
  Subscribe,
  type Envelope,
  type EventContext,
  type RetryOptions,
} from 'jetplug/sdk';
import { onBoth, Placed } from '../support/conformance';

const QUICK: RetryOptions = { attempts: 3, backoff: ['40ms', '120ms'] };

onBoth('an event is handled once, and leaves no delivery in flight', async (start) => {
  const seen: unknown[] = [];
  @Plugin({ name: 'once' })
  class OncePlugin {
    @Subscribe(Placed)
    take(event: Placed, { attempt, subject, stream, sequence }: EventContext): void {
      seen.push([event.user, event.n, attempt, subject, stream, sequence]);
    }
  }
  const host = await start([OncePlugin]);
  await host.publish(Placed, { user: 'u1', n: 7 });
  await host.settled();
  await host.settled();
  expect(seen).toEqual([['u1', 7, 1, 'orders.placed', 'EVENTS', 1]]);
  expect(host.deadLetters()).toEqual([]);
});

onBoth('an event whose handler throws is redelivered after each backoff, with its attempts counted', async (start) => {
  const tries: { attempt: number; atMs: number }[] = [];
  let now = (): number => 0;
  @Plugin({ name: 'again' })
  class AgainPlugin {
    @Subscribe(Placed, { retry: QUICK })
    take(_event: Placed, { attempt }: EventContext): void {
      tries.push({ attempt, atMs: now() });
      if (attempt < 3) throw new Error('not this time');
    }
  }
  const host = await start([AgainPlugin]);
  now = () => host.clock.now().getTime();
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.settled();
  expect(tries.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  const waits = tries.slice(1).map(({ atMs }, i) => atMs - tries[i]!.atMs);
  // Each backoff varies by up to a fifth, so that events that failed together are not redelivered together.
  expect(waits[0]).toBeGreaterThanOrEqual(31);
  expect(waits[1]).toBeGreaterThanOrEqual(95);
  expect(host.deadLetters()).toEqual([]);
});

onBoth('an event with no attempts left is dead-lettered with its error, origin and payload', async (start) => {
  @Plugin({ name: 'poison' })
  class PoisonPlugin {
    @Subscribe(Placed, { retry: QUICK })
    take({ n }: Placed): void {
      if (n < 0) throw new TypeError('a negative number');
    }
  }
  const host = await start([PoisonPlugin]);
  await host.publish(Placed, { user: 'u1', n: -1 }, { id: 'bad-1' });
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.settled();
  const [letter, ...others] = host.deadLetters();
  expect(others).toEqual([]);
  expect(letter).toMatchObject({
    plugin: 'poison',
    handler: 'take',
    reason: 'attempts-exhausted',
    error: 'a negative number',
    attempts: 3,
    subject: 'orders.placed',
    stream: 'EVENTS',
    sequence: 1,
  });
  expect(letter!.headers).toMatchObject({
    'x-error-name': 'TypeError',
    'x-original-msg-id': 'bad-1',
    'x-delivery-count': '3',
    'x-fingerprint': expect.stringMatching(/^[0-9a-f]{12}$/),
  });
  expect(JSON.parse(Buffer.from(letter!.payload).toString())).toMatchObject({ user: 'u1', n: -1, event_id: 'bad-1' });
});

onBoth('Reject dead-letters an event at its first attempt', async (start) => {
  let tries = 0;
  @Plugin({ name: 'picky' })
  class PickyPlugin {
    @Subscribe(Placed)
    take(): void {
      tries++;
      throw new Reject('not for us');
    }
  }
  const host = await start([PickyPlugin]);
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.settled();
  expect(tries).toBe(1);
  expect(host.deadLetters()).toMatchObject([{ reason: 'rejected', error: 'not for us', attempts: 1 }]);
});

onBoth('RetryLater redelivers an event after its delay, and costs no attempt', async (start) => {
  const attempts: number[] = [];
  @Plugin({ name: 'patient' })
  class PatientPlugin {
    @Subscribe(Placed, { retry: { attempts: 1 } })
    take(_event: Placed, { attempt }: EventContext): void {
      attempts.push(attempt);
      if (attempts.length < 4) throw new RetryLater('30ms');
    }
  }
  const host = await start([PatientPlugin]);
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.settled();
  expect(attempts).toEqual([1, 1, 1, 1]);
  expect(host.deadLetters()).toEqual([]);
});

onBoth('a redriven dead letter goes to its own handler only, unchanged', async (start) => {
  const seen: string[] = [];
  let isMended = false;
  @Plugin({ name: 'mended' })
  class MendedPlugin {
    @Subscribe(Placed)
    first(event: Placed, { subject, stream, sequence, headers, attempt }: EventContext): void {
      seen.push(`first ${event.event_id} ${subject} ${stream} ${sequence} ${headers['x-shop']} ${attempt}`);
      if (!isMended) throw new Reject('not yet mended');
    }
    @Subscribe(Placed)
    second(event: Placed): void {
      seen.push(`second ${event.event_id}`);
    }
  }
  const host = await start([MendedPlugin]);
  await host.publishRaw('orders.placed', { user: 'u1', n: 1 }, { 'Nats-Msg-Id': 'e1', 'x-shop': 'north' });
  await host.settled();
  isMended = true;
  for (const letter of host.deadLetters()) await host.redrive(letter);
  await host.settled();
  const first = 'first e1 orders.placed EVENTS 1 north 1';
  expect([...seen].sort()).toEqual([first, first, 'second e1']);
  expect(host.deadLetters()).toEqual([]);
});

onBoth('a handler that exceeds its timeout has its signal aborted, and its event is retried', async (start) => {
  const reasons: string[] = [];
  @Plugin({ name: 'stuck' })
  class StuckPlugin {
    @Subscribe(Placed, { timeout: '300ms', retry: { attempts: 2, backoff: ['50ms'] } })
    async take(_event: Placed, { signal }: EventContext): Promise<void> {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      reasons.push((signal.reason as { code: string }).code);
    }
  }
  const host = await start([StuckPlugin]);
  await host.publish(Placed, { user: 'u1', n: 1 });
  await host.clock.advance('1500ms');
  await host.settled();
  expect(reasons).toEqual(['JP_HANDLER_TIMEOUT', 'JP_HANDLER_TIMEOUT']);
  expect(host.deadLetters()).toMatchObject([{ reason: 'timeout', attempts: 2 }]);
});

onBoth(
  'a handler that fails at everything is down: its events wait, and are handled when it works again',
  async (start) => {
    let isDown = true;
    const handled: number[] = [];
    @Plugin({ name: 'fragile' })
    class FragilePlugin {
      @Subscribe(Placed, { retry: { attempts: 2, backoff: ['60ms'] } })
      take({ n }: Placed): void {
        if (isDown) throw new Error('the service is down');
        handled.push(n);
      }
    }
    const circuit = { messages: 3, over: '50ms' };
    const host = await start([FragilePlugin], { config: { delivery: { circuit } } });
    const all = Array.from({ length: 10 }, (_, n) => n);
    for (const n of all) await host.publish(Placed, { user: 'u1', n });
    await host.settled();
    expect(host.deadLetters()).toEqual([]);
    expect(handled).toEqual([]);
    isDown = false;
    await host.clock.advance('1500ms');
    await host.settled();
    expect([...handled].sort((a, b) => a - b)).toEqual(all);
    expect(host.deadLetters()).toEqual([]);
  },
);

onBoth('a dead letter keeps every header with all its values, and a redrive sends them all', async (start) => {
  const seenHeaders: unknown[] = [];
  @Plugin({ name: 'headed' })
  class HeadedPlugin {
    @Subscribe('orders.headed', { retry: { attempts: 1 } })
    take(_event: Envelope, { headers }: EventContext): void {
      seenHeaders.push({ ...headers });
      throw new Reject('as it should');
    }
  }
  const host = await start([HeadedPlugin]);
  // Several values, names that differ in case only, and names that letters and the retry queue use themselves.
  const sent = {
    'x-tag': ['a', 'b', 'a'],
    'X-Tag': 'c',
    traceparent: '00-1',
    'x-plugin': ['mine', 'theirs'],
    'X-Attempts': '77',
    'x-applied': 'forged',
    'x-original-subject': 'old.subject',
    'x-jetplug-due': '1',
    'x-jetplug-msg-id': 'forged',
    'Nats-Msg-Id': 'm1',
  };
  await host.publishRaw('orders.headed', {}, sent);
  await host.settled();
  const [first] = host.deadLetters();
  await host.redrive(first!);
  await host.settled();
  const [again] = host.deadLetters();
  for (const letter of [first!, again!]) {
    expect(letter).toMatchObject({ plugin: 'headed', subject: 'orders.headed', attempts: 1, reason: 'rejected' });
    expect(letter.headers).toMatchObject({
      'x-tag': 'a',
      'X-Tag': 'c',
      traceparent: '00-1',
      'x-original-header-x-plugin': 'theirs',
      'x-original-header-X-Attempts': '77',
      'x-original-header-x-applied': 'forged',
      'x-original-header-x-original-subject': 'old.subject',
      'x-jetplug-due': '1',
      'x-original-msg-id': 'm1',
    });
    expect(letter.headers).not.toHaveProperty('x-applied');
    expect(letter.repeated).toEqual({ 'x-tag': ['a', 'b', 'a'], 'x-original-header-x-plugin': ['mine', 'theirs'] });
  }
  const last = { ...sent, 'x-tag': 'a', 'x-plugin': 'theirs' };
  expect(seenHeaders).toEqual([last, last]);
  expect(host.deadLetters()).toHaveLength(1);
});
