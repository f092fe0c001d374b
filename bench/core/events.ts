import { randomUUID } from 'node:crypto';

export const SUBJECT = 'bench.played';
/** How many distinct keys the events have. */
const KEYS = 10_000;
/** How many keys the handlers that keep values count under. */
export const STORE_KEYS = 1_000;

/** The fields of the n-th event. */
export interface PlayedFields {
  readonly n: number;
  readonly user_id: string;
  readonly video_id: string;
  readonly device: string;
  readonly position_s: number;
  /** When the event was sent, by {@link monotonicMs}; only where the latency is measured. */
  readonly sent_ms?: number;
}

export function fieldsOf(n: number): PlayedFields {
  return {
    n,
    user_id: `viewer-${n % KEYS}`,
    video_id: `video-${n % 100}`,
    device: 'living room',
    position_s: n % 7_200,
  };
}

/** The key under which the n-th event is counted. */
export function storeKeyOf(n: number): string {
  return `count-${n % STORE_KEYS}`;
}

/** The n-th event in the form that Jetplug’s publishers send, about 230 bytes. */
export function messageOf(n: number, sent_ms?: number): { payload: string; id: string } {
  const id = randomUUID();
  const { user_id, video_id, device, position_s } = fieldsOf(n);
  // Each field is named, because spreading objects costs more than the rest of this function, for plain publishers too.
  const payload = JSON.stringify({
    event_type: SUBJECT,
    event_id: id,
    timestamp: new Date().toISOString(),
    n,
    user_id,
    video_id,
    device,
    position_s,
    sent_ms,
  });
  return { payload, id };
}
