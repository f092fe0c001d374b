import type { FastifyInstance } from 'fastify';
import { JetplugError } from '../../../sdk/internal';
import { Limiter } from '../../base/limiter';
import { unescapeKey } from '../../effects/store-keys';
import type { StoredEvent } from '../../nats/stored-event';
import { readContracts } from '../../ops/contract-records';
import { placeIn, storedAt } from '../../ops/event-place';
import { payloadFor } from '../../ops/letters/edited-payload';
import { masked, secretsIn, type SecretsOf } from '../../ops/secrets';
import { idOf } from '../../ops/stored-event-text';
import type { TryAnswer } from '../api';
import type { CapturedEffects, PageContext } from '../page-context';
import { objectIn, payloadTextIn, textIn } from '../query';
import { withoutMasks } from '../without-masks';

/** Each run has a process of its own, so a host does few of them at a time. */
const MAX_AT_ONCE = 2;

/** Runs a handler on a stored event again. Its effects are shown, and nothing is written. */
export function addTryRoutes(app: FastifyInstance, page: PageContext): void {
  const limiter = new Limiter(MAX_AT_ONCE);
  app.post('/api/try', async ({ body }): Promise<TryAnswer> => {
    const release = await limiter.acquire();
    try {
      return await tryEvent(objectIn(body), page);
    } finally {
      release();
    }
  });
}

async function tryEvent(
  request: Record<string, unknown>,
  { connection, config, replay }: PageContext,
): Promise<TryAnswer> {
  const stored = await eventAt(textIn(request, 'event'), { connection });
  const secrets = secretsIn((await readContracts(connection)).records);
  const text = payloadTextIn(request);
  const { maxPayloadBytes } = config.delivery;
  const isMasked = secrets(stored.subject).length > 0;
  const edited = (given: string): Uint8Array =>
    isMasked ? withoutMasks(given, stored.payload, maxPayloadBytes) : payloadFor(given, maxPayloadBytes);
  const effects = await replay({
    event: text === undefined ? stored : { ...stored, payload: edited(text) },
    id: idOf(stored, config),
    plugin: textIn(request, 'plugin'),
    handler: request['handler'] === undefined ? undefined : textIn(request, 'handler'),
  });
  return answerOf(effects, secrets);
}

async function eventAt(place: string, { connection }: Pick<PageContext, 'connection'>): Promise<StoredEvent> {
  const at = placeIn(place);
  if (!at) throw new JetplugError('JP_USAGE', 'the event is given as STREAM:SEQUENCE');
  const stored = await storedAt(connection, at);
  if (stored) return stored;
  throw new JetplugError('JP_NOT_FOUND', `the server does not have the event ${place} any more`);
}

function answerOf(effects: CapturedEffects, secrets: SecretsOf): TryAnswer {
  const { outcome, error, ranMs, changes, events, log } = effects;
  return {
    outcome,
    ...(error && { error }),
    ranMs,
    writes: changes.map(({ key, before, after }) => ({
      ...unescapeKey(key),
      ...(before !== null && { before: JSON.parse(before) as unknown }),
      ...(after !== null && { after: JSON.parse(after) as unknown }),
    })),
    emits: events.map(({ subject, payload }) => ({ subject, payload: masked(JSON.parse(payload), secrets(subject)) })),
    lines: log.map(({ level, message }) => ({ level, message })),
  };
}
