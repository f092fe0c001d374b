/** From the text of a line to a reading. */
import type { EventFields } from 'jetplug/sdk';
import { z } from 'zod';
import type { MeterReadingCleaned } from './contracts/meters';

/** A reading, and its time in UTC. */
export interface Reading {
  readonly at: string;
  readonly fields: EventFields<typeof MeterReadingCleaned>;
}

const time = z.iso.datetime({ offset: true });

/**
 * Reads one line such as `M-17 ; 2026-05-12T19:03:00+02:00 ; 1.25`, or returns the problem with it. The energy becomes
 * whole watt hours, because sums of whole numbers are exact in any order.
 */
export function readingOf(line: string): Reading | { readonly problem: string } {
  const [meter = '', at = '', energy = '', revision = '0', ...more] = line.split(';').map((cell) => cell.trim());
  const [, kilo, rest = ''] = /^(\d{1,9})(?:\.(\d{1,3}))?$/.exec(energy) ?? [];
  if (more.length > 0) return { problem: 'the line has more than four cells' };
  if (!/^[a-z0-9-]{1,40}$/i.test(meter)) return { problem: 'the first cell is no meter' };
  if (!time.safeParse(at).success) return { problem: 'the second cell is no time with Z or an offset' };
  if (kilo === undefined) return { problem: 'the third cell is no energy in kWh with at most three decimals' };
  if (!/^\d{1,6}$/.test(revision)) return { problem: 'the fourth cell is no revision' };
  const watt_hours = Number(kilo) * 1_000 + Number(rest.padEnd(3, '0'));
  return {
    at: new Date(at).toISOString(),
    fields: { meter_id: meter.toLowerCase(), watt_hours, revision: Number(revision) },
  };
}
