/** In the kit's host no value that a handler throws, returns, logs or stores keeps its event from being settled. */
import { BatchFailure, EventBus, Logger, Plugin, Store, Subscribe } from 'jetplug/sdk';
import { testHost } from 'jetplug/testing';
import { defineEvent } from '../../../sdk';
import { z } from 'zod';
import { perform, someCases, wrongEnds, type HostileCase } from '../../support/hostile-acts';
import { HOSTILE } from '../../support/hostile-values';

/** This many failures would open the circuit, and events would wait. */
const config = { delivery: { circuit: { messages: 1_000_000 } } };
const retry = { attempts: 2, backoff: ['1ms' as const] };

test('every hostile value that is thrown, returned, logged or stored ends in the right outcome', async () => {
  @Plugin({ name: 'hostile' })
  class HostilePlugin {
    constructor(
      readonly store: Store,
      readonly events: EventBus,
      readonly log: Logger,
    ) {}

    @Subscribe('hostile.case', { retry })
    handle(event: object): unknown {
      return perform(event as HostileCase, this);
    }
  }
  const host = await testHost([HostilePlugin], { config });
  const cases = someCases(150);
  for (const [n, one] of cases.entries()) await host.publish('hostile.case', { ...one, n });
  await host.settled({ within: '10m' });
  const dead = host.deadLetters().map(({ payload }) => JSON.parse(Buffer.from(payload).toString()) as { n: number });
  expect(wrongEnds(cases, new Set(dead.map(({ n }) => n)))).toEqual([]);
  expect(host.logged.filter(({ message }) => message.includes('could not be'))).toEqual([]);
  await host.stop();
}, 900_000);

class Item extends defineEvent('items.added', z.object({ value: z.string() })) {}

test('in a batch whose events fail with hostile values each event is dead-lettered', async () => {
  @Plugin({ name: 'hostile-batch' })
  class HostileBatchPlugin {
    @Subscribe(Item, { batch: { size: 10, wait: '1s' }, retry })
    handle(events: Item[]): void {
      throw new BatchFailure(events.map(({ value }, index) => ({ index, error: HOSTILE[value]!() })));
    }
  }
  const values = Object.keys(HOSTILE).filter((name) => !name.includes('MB'));
  const host = await testHost([HostileBatchPlugin], { config });
  for (const value of values) await host.publish(Item, { value });
  await host.settled({ within: '30s' });
  const dead = host.deadLetters().map(({ payload }) => (JSON.parse(Buffer.from(payload).toString()) as Item).value);
  expect(new Set(dead)).toEqual(new Set(values));
  await host.stop();
});
