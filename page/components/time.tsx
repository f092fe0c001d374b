import { signal } from '@preact/signals';
import { ago, exactTime } from '../lib/format';

/** Relative times are written again at this interval. */
const EVERY_MS = 5_000;

const nowMs = signal(Date.now());

export function startClock(): void {
  setInterval(() => {
    nowMs.value = Date.now();
  }, EVERY_MS);
}

/** A relative time, with the exact one in its title. */
export function Time({ at }: { readonly at: string | number }) {
  const date = new Date(at);
  const iso = Number.isNaN(date.getTime()) ? undefined : date.toISOString();
  return (
    <time dateTime={iso} title={exactTime(at)}>
      {ago(at, Math.max(nowMs.value, Date.now()))}
    </time>
  );
}
