import { unescapeKey } from '../effects/store-keys';
import type { StoreChange } from '../replay/effect-run';
import type { DebuggedRun } from './debugged-run';
import { textMember, withMember } from './stored-value';

/** Returns a run as JSON. The values of the store are copied as texts, because parsing could change their numbers. */
export function debugJson({ event, id, handler, store, effects, isInspected }: DebuggedRun): string {
  const { stream, sequence, subject, storedAtMs } = event;
  const { outcome, verdict, delayMs, reason, error, ranMs, events, hasAfterCommit, log, logLeft } = effects;
  const { where, ...loaded } = handler;
  const run = {
    event: { stream, sequence, ...(id !== undefined && { id }), subject, time: new Date(storedAtMs).toISOString() },
    plugin: loaded.plugin,
    handler: loaded.handler,
    ...where,
    version: loaded.version,
    store: {
      state: store.kind,
      time: new Date(store.atMs).toISOString(),
      keys: store.texts.size,
      unknown: store.unknown.map(unescapeKey),
    },
    outcome,
    verdict,
    delayMs,
    reason,
    error,
    ...(!isInspected && { ranMs }),
    events: events.map(({ payload, ...sent }) => ({ ...sent, payload: JSON.parse(payload) as unknown })),
    afterCommit: hasAfterCommit,
    log,
    logLeft,
  };
  return withMember(run, `"changes":[${effects.changes.map(changeJson).join(',')}]`);
}

function changeJson({ key, before, after }: StoreChange): string {
  const members = Object.entries({ before, after }).flatMap(([name, text]) =>
    text === null ? [] : [`"${name}":{${textMember(text)}}`],
  );
  return members.reduce((json, member) => `${json.slice(0, -1)},${member}}`, JSON.stringify(unescapeKey(key)));
}
