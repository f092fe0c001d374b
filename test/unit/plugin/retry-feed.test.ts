import { setImmediate as turn } from 'node:timers/promises';
import { RecordingLog } from '../../../host/testing/recording-log';
import { Limiter } from '../../../host/base/limiter';
import { Sweep } from '../../../host/message/intake/sweep';
import { machineTime } from '../../../host/base/time';
import { consume } from '../../../host/plugin/consume';
import type { PluginHost } from '../../../host/plugin/plugin-host';
import { reconcileHandler } from '../../../host/plugin/reconcile';
import { MemoryKeyValue } from '../../support/memory-key-value';
import { DURABLE as WILDCARD_DURABLE } from '../../support/durable-spec';

const DURABLE = { ...WILDCARD_DURABLE, subject: 'video.a', from: 'new' as const, ackWaitMs: 1_000 };
const PLUGIN = { name: 'badge' };
const HANDLER = { name: 'award', concurrency: 1, retry: {} };
const circuit = { messages: 5, overMs: 1_000, probeMs: [1_000] };
const POSITION = { pending: 0, inFlight: 0, ackFloor: 0, created: '2026-05-12T12:00:00Z' };

/** A handler that consumes. The test answers its checks of the retry queue, and notifies it of events there. */
async function consuming() {
  const pulled: string[] = [];
  const checks: ((found: boolean | Error) => void)[] = [];
  let arrive = (): void => undefined;
  const host = {
    config: { delivery: { circuit, maxAckPending: 10, ackWaitMs: 1_000 } },
    broker: {
      streamCreated: async () => '2026-01-01T00:00:00Z',
      ensureDurable: async () => POSITION,
      hasDeferred: () =>
        new Promise((resolve, reject) =>
          checks.push((found) => (found instanceof Error ? reject(found) : resolve(found))),
        ),
      watchDurable: () => () => undefined,
      pull: (stream: string) => {
        pulled.push(stream);
        return { start: () => undefined, stop: async () => undefined };
      },
    },
    records: new MemoryKeyValue(),
    commits: { get: () => undefined },
    log: new RecordingLog(),
    // A wait ends in the next turn.
    time: {
      ...machineTime,
      after: (_delayMs: number, act: () => void) => {
        const timer = setImmediate(act);
        return { cancel: () => clearImmediate(timer) };
      },
    },
    sweep: new Sweep(),
    suspects: new Limiter(1),
    retryNotifier: {
      on: (_plugin: string, _handler: string, listener: () => void) => {
        arrive = listener;
        return () => undefined;
      },
    },
  } as unknown as PluginHost;
  const reconciled = await reconcileHandler(PLUGIN as never, DURABLE, host);
  const version = { plugin: PLUGIN, definition: HANDLER, code: { handler: () => undefined } };
  const handler = consume(version as never, reconciled, host);
  return { handler, pulled, checks, arrive: () => arrive() };
}

/** Resolves when everything is done that waits for no timer. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

test.each<[what: string, found: boolean, pulled: string[]]>([
  ['with an empty retry queue a handler pulls from its stream alone', false, ['EVENTS']],
  ['with an event in its retry queue a handler pulls from there too', true, ['EVENTS', 'RETRY']],
])('%s', async (_what, found, expected) => {
  const { handler, pulled, checks } = await consuming();
  checks[0]!(found);
  await settle();
  expect(pulled).toEqual(expected);
  await handler.stop(0);
});

test('an event that arrives opens the feed without another check, though the stream may not have it yet', async () => {
  const { handler, pulled, checks, arrive } = await consuming();
  checks[0]!(false);
  await settle();
  arrive();
  arrive();
  await settle();
  expect(pulled).toEqual(['EVENTS', 'RETRY']);
  expect(checks).toHaveLength(1);
  await handler.stop(0);
});

test('an event that arrives during the check opens the feed, whatever the check finds', async () => {
  const { handler, pulled, checks, arrive } = await consuming();
  arrive();
  checks[0]!(false);
  await settle();
  expect(pulled).toEqual(['EVENTS', 'RETRY']);
  await handler.stop(0);
});

test('a check that fails is repeated', async () => {
  const { handler, pulled, checks } = await consuming();
  checks[0]!(new Error('no answer'));
  await settle();
  checks[1]!(true);
  await settle();
  expect(pulled).toEqual(['EVENTS', 'RETRY']);
  await handler.stop(0);
});
