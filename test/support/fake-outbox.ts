import { setImmediate as turn } from 'node:timers/promises';
import { OutboxRelay } from '../../host/relay/relay';
import type { Outbox, OutboxRow, RelayOptions, RowId } from '../../host/relay/outbox';
import { VirtualTime } from '../../host/testing/virtual-time';
import { JetplugError, type ErrorCode } from '../../sdk/internal';

/** An outbox in memory. Rows are removed from `rows`, and refused ones are moved to `refused`. */
export class FakeOutbox implements Outbox {
  readonly refused: { row: OutboxRow; code: ErrorCode }[] = [];
  takes = 0;
  /** Errors for the next calls of each method. */
  readonly failures: Partial<Record<keyof Outbox, Error[]>> = {};

  constructor(public rows: OutboxRow[]) {}

  take(limit: number): OutboxRow[] {
    this.takes++;
    this.failMaybe('take');
    return this.rows.slice(0, limit);
  }

  async remove(ids: readonly RowId[]): Promise<void> {
    this.failMaybe('remove');
    this.rows = this.rows.filter(({ id }) => !ids.includes(id));
  }

  async refuse(row: OutboxRow, { code }: JetplugError): Promise<void> {
    this.failMaybe('refuse');
    this.rows = this.rows.filter(({ id }) => id !== row.id);
    this.refused.push({ row, code });
  }

  private failMaybe(method: keyof Outbox): void {
    const error = this.failures[method]?.shift();
    if (error) throw error;
  }
}

export interface Sent {
  readonly subject: string;
  readonly id: string;
  readonly n: unknown;
  readonly timestamp?: string | undefined;
}

/** A bus whose publishes succeed, fail or wait, as the test decides. It stores an id once, as a stream does. */
export class FakeBus {
  readonly sent: Sent[] = [];
  readonly stored: Sent[] = [];
  inFlight = 0;
  mostInFlight = 0;
  /** Returns the error of a publish, or a promise that it awaits. */
  answer: (event: Sent) => unknown = () => undefined;

  async publish(
    event: unknown,
    fields: unknown,
    options: { id?: string; timestamp?: string } | undefined,
  ): Promise<string> {
    const { id = '', timestamp } = options ?? {};
    const sent = { subject: String(event), id, n: (fields as { n?: unknown }).n, timestamp };
    this.sent.push(sent);
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    try {
      const answer = await this.answer(sent);
      if (answer instanceof Error) throw answer;
    } finally {
      this.inFlight--;
    }
    if (this.stored.every((one) => one.id !== id)) this.stored.push(sent);
    return id;
  }

  get numbers(): unknown[] {
    return this.stored.map(({ n }) => n);
  }
}

export function failed(code: ErrorCode): JetplugError {
  return new JetplugError(code, 'not stored');
}

export function row(n: number, more: Partial<OutboxRow> = {}): OutboxRow {
  return { id: n, event: 'order.placed', fields: { n }, ...more };
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** A relay on a fake outbox, whose time the test moves. */
export class RelayBench {
  readonly time = new VirtualTime(0);
  readonly lines: LogLine[] = [];
  readonly bus: FakeBus;
  readonly relay: OutboxRelay<OutboxRow>;

  constructor(
    readonly outbox: FakeOutbox,
    options: Partial<RelayOptions> & { bus?: FakeBus } = {},
  ) {
    const { bus = new FakeBus(), ...rest } = options;
    this.bus = bus;
    const log = { info: this.line('info'), warn: this.line('warn'), error: this.line('error') };
    this.relay = OutboxRelay.start(bus as never, outbox, { name: 'shop', log, ...rest }, this.time);
  }

  /** Lets all work run that needs no time. */
  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) await turn();
  }

  /** Moves the time, and lets the work of each moment run. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.time.nowMs() + ms;
    do await this.settle();
    while (this.time.step(untilMs, true));
  }

  private line(level: string) {
    return (message: string, fields: object) => void this.lines.push({ level, message, ...fields });
  }
}
