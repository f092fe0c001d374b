import { BatchFailure, EventBus, Plugin, Reject, Subscribe, type FailedEvent } from 'jetplug/sdk';
import { MeterLineReceived, MeterReadingCleaned } from './contracts/meters';
import { readingOf } from './reading';

@Plugin({ description: 'Cleans the lines of meters' })
export class MeterLinesPlugin {
  constructor(private readonly events: EventBus) {}

  @Subscribe(MeterLineReceived, { from: 'beginning', batch: { size: 200, wait: '1s' } })
  async clean(lines: MeterLineReceived[]) {
    const refused: FailedEvent[] = [];
    for (const [index, event] of lines.entries()) {
      const reading = readingOf(event.line);
      if ('problem' in reading) refused.push({ index, error: new Reject(reading.problem) });
      else await this.events.publish(MeterReadingCleaned, reading.fields, { for: event, timestamp: reading.at });
    }
    // Only the refused lines become dead letters. The other lines of the batch are done.
    if (refused.length > 0) throw new BatchFailure(refused);
  }
}
