import { defineEvent } from 'jetplug/sdk';
import { z } from 'zod';

/** One line of a meter's file, as it came: `meter;time;kWh` or `meter;time;kWh;revision`. */
export class MeterLineReceived extends defineEvent('meter.line_received', z.object({ line: z.string().max(1_000) })) {}

/** A reading that was cleaned. Its `timestamp` is the time of the reading. */
export class MeterReadingCleaned extends defineEvent(
  'meter.reading_cleaned',
  z.object({
    meter_id: z.string().min(1),
    watt_hours: z.int().nonnegative(),
    /** A correction of a reading has a higher number than the reading that it replaces. */
    revision: z.int().nonnegative(),
  }),
) {}
