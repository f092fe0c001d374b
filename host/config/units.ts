import { durationMs } from '../../sdk/internal';
import { parseSize } from './size';

/** The milliseconds of a length of time that has been checked. */
export function ms(written: string): number {
  return durationMs(written, 'a length of time in the config');
}

/** The bytes of a size that has been checked. */
export function bytes(written: string | number): number {
  return parseSize(written)!;
}

/** Returns the bytes of a limit; for `unlimited` -1, as the server writes it. */
export function limit(written: string | number): number {
  return written === 'unlimited' ? -1 : bytes(written);
}

/** A copy without the members that are undefined. */
export function present<T extends object>(map: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== undefined)) as never;
}
