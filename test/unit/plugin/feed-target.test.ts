import { RECORDS_STREAM } from '../../../host/broker/stream-state';
import type { Handler } from '../../../host/message/handler';
import { FeedTarget } from '../../../host/plugin/feed-target';
import type { Settlements } from '../../../host/records/settlements';
import { RecordingLog } from '../../../host/testing/recording-log';

const OLD = '2026-05-12T12:00:00.000Z';
const NEW = '2026-06-01T08:00:00.000Z';
const DURABLE = { stream: 'EVENTS', durable: 'badge-award' } as never;

/** Settlements of one stream. Their calls are noted in `steps`, under their name. */
function settlementsOf(name: string, streamIncarnation: string, last: number, steps: string[]) {
  return {
    streamIncarnation,
    last,
    forgetDeliveries: () => steps.push(`${name} forgets its deliveries`),
    settleUpTo: (sequence: number) => steps.push(`${name} is settled up to ${sequence}`),
  } as unknown as Settlements;
}

/** A target on the old stream; `created` is the time at which the server created the stream. */
function targeting({ created }: { created: string }) {
  const steps: string[] = [];
  const log = new RecordingLog();
  const before = settlementsOf('the old stream', OLD, 41, steps);
  const after = settlementsOf('the new stream', NEW, 0, steps);
  let version = 1;
  const target = new FeedTarget(
    {
      durable: DURABLE,
      settlements: before,
      handlerFor: (settlements) => ({ version: `v${version}`, settlements }) as Handler,
      openSettlements: async () => {
        steps.push('settlements are read');
        return after;
      },
    },
    {
      whenChecked: async (...streams) => void steps.push(`wait for ${streams.join(' and ')}`),
      streamCreated: async (stream) => {
        steps.push(`look at ${stream}`);
        return created;
      },
    },
    log,
  );
  return { target, steps, log, before, after, update: () => void (version = 2) };
}

/** Renews the stream and returns whether the settlements were replaced. */
async function renew(target: FeedTarget, isOver: () => boolean): Promise<boolean> {
  const before = target.settlements;
  let replaced = false;
  await target.renewStream(isOver, () => {
    // Otherwise a delivery of the old stream could be settled in the new one.
    expect(target.settlements).not.toBe(before);
    replaced = true;
  });
  expect(target.settlements !== before).toBe(replaced);
  return replaced;
}

test('a target begins with the given settlements and the current version of the handler', () => {
  const { target, before } = targeting({ created: OLD });
  expect(target.settlements).toBe(before);
  expect(target.handler).toEqual({ version: 'v1', settlements: before });
});

test('a new version of the handler gets the settlements of the old one, once the handler is renewed', () => {
  const { target, before, update } = targeting({ created: OLD });
  update();
  expect(target.handler.version).toBe('v1');
  target.renewHandler();
  expect(target.handler).toEqual({ version: 'v2', settlements: before });
});

test('the settlements of a stream that is still the same are kept, but their deliveries are forgotten', async () => {
  const { target, before, steps, log } = targeting({ created: OLD });
  const { handler } = target;
  expect(await renew(target, () => false)).toBe(false);
  expect([target.settlements, target.handler]).toEqual([before, handler]);
  expect(steps.filter((step) => !step.startsWith('wait'))).toEqual([
    'the old stream forgets its deliveries',
    'look at EVENTS',
  ]);
  expect(log.lines).toEqual([]);
});

test('the stream and the host’s records are checked before the target looks at the stream', async () => {
  const { target, steps } = targeting({ created: NEW });
  await renew(target, () => false);
  expect(steps.slice(1)).toEqual([
    `wait for EVENTS and ${RECORDS_STREAM}`,
    'look at EVENTS',
    'settlements are read',
    'the new stream is settled up to 0',
  ]);
});

test('a recreated stream gets its own settlements, with which the handler and its later versions work', async () => {
  const { target, after, update } = targeting({ created: NEW });
  expect(await renew(target, () => false)).toBe(true);
  expect(target.settlements).toBe(after);
  expect(target.handler).toEqual({ version: 'v1', settlements: after });
  update();
  target.renewHandler();
  expect(target.handler).toEqual({ version: 'v2', settlements: after });
});

test('the log says which event of the former stream was handled last', async () => {
  const { target, log } = targeting({ created: NEW });
  await renew(target, () => false);
  expect(log.lines).toEqual([
    {
      level: 'warn',
      message: 'the stream was made again; its events are taken from its beginning',
      fields: { stream: 'EVENTS', durable: 'badge-award', lastHandled: 41 },
    },
  ]);
});

test('a renewal that is ended while the settlements are read changes nothing', async () => {
  const { target, before, steps, log } = targeting({ created: NEW });
  const { handler } = target;
  expect(await renew(target, () => steps.includes('settlements are read'))).toBe(false);
  expect([target.settlements, target.handler, log.lines]).toEqual([before, handler, []]);
  expect(steps.at(-1)).toBe('settlements are read');
});
