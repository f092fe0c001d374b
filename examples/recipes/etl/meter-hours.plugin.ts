import { Plugin, Store, Subscribe } from 'jetplug/sdk';
import { MeterReadingCleaned } from './contracts/meters';

/** The readings of a meter in one hour, and their sum. */
export interface Hour {
  watt_hours: number;
  /** By their time, so that a correction finds the reading that it replaces. */
  readings: Record<string, { watt_hours: number; revision: number }>;
}

@Plugin({ description: 'Sums up the readings of each meter by the hour' })
export class MeterHoursPlugin {
  constructor(private readonly hours: Store<Hour>) {}

  @Subscribe(MeterReadingCleaned, { from: 'beginning', batch: { size: 200, wait: '1s' } })
  async sum(readings: MeterReadingCleaned[]) {
    for (const event of readings) {
      const hour = event.timestamp.slice(0, 'yyyy-mm-ddThh'.length);
      await this.hours.update(`${event.meter_id}.${hour}`, (old) => addReading(old, event), { for: event });
    }
  }
}

/**
 * Adds a reading, or replaces the one of the same time that has a lower revision; of two with the same revision, the
 * greater one counts. So the sum does not depend on the order of arrival, and a repeated line changes nothing.
 */
export function addReading(old: Hour = { watt_hours: 0, readings: {} }, event: MeterReadingCleaned): Hour {
  const { timestamp, watt_hours, revision } = event;
  const present = old.readings[timestamp];
  if (present && (present.revision - revision || present.watt_hours - watt_hours) >= 0) return old;
  return {
    watt_hours: old.watt_hours - (present?.watt_hours ?? 0) + watt_hours,
    readings: { ...old.readings, [timestamp]: { watt_hours, revision } },
  };
}
