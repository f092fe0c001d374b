/** A handler with all that its messages' lives lean on, in memory. */
import type { EventContext } from 'jetplug/sdk';
import type { AttemptLog } from '../../host/message/attempts';
import { HandlerCounters } from '../../host/message/counters';
import type { DeadLetter, DeadLetters } from '../../host/message/dead-letter';
import type { Delivery } from '../../host/message/delivery';
import type { Handler } from '../../host/message/handler';
import type { Outgoing, OutgoingEvent } from '../../host/message/outbox';
import type { Envelope } from '../../sdk/internal';
import { RecordingLog } from './recording-log';

export const STORED_AT = '2026-05-12T12:00:00.000Z';

export type Given = Partial<Pick<Delivery, 'subject' | 'stream' | 'sequence' | 'storedAtMs' | 'deliveryCount'>> & {
  headers?: Record<string, string> | (() => Record<string, string>);
};

/** Bytes as they are, text as UTF-8, all else as JSON. */
function bytesOf(payload: unknown): Uint8Array {
  if (payload instanceof Uint8Array) return payload;
  return Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
}

/** A delivery that writes down how it is answered. Answering twice throws, as the real one does. */
export class FakeDelivery implements Delivery {
  readonly subject: string;
  readonly stream: string;
  readonly sequence: number;
  readonly storedAtMs: number;
  readonly deliveryCount: number;
  readonly payload: Uint8Array;
  readonly answers: string[] = [];
  settled = false;
  workings = 0;

  constructor(
    payload: unknown = {},
    private readonly given: Given = {},
    private readonly journal: string[] = [],
  ) {
    this.payload = bytesOf(payload);
    this.subject = given.subject ?? 'video.watch_started';
    this.stream = given.stream ?? 'EVENTS';
    this.sequence = given.sequence ?? 7;
    this.storedAtMs = given.storedAtMs ?? Date.parse(STORED_AT);
    this.deliveryCount = given.deliveryCount ?? 1;
  }

  headers(): Record<string, string> {
    const { headers = {} } = this.given;
    return typeof headers === 'function' ? headers() : headers;
  }

  ack(): void {
    this.settle('ack');
  }
  nak(delayMs?: number): void {
    this.settle(delayMs === undefined ? 'nak' : `nak ${delayMs}`);
  }
  term(reason: string): void {
    this.settle(`term ${reason}`);
  }
  working(): void {
    this.workings++;
  }

  private settle(answer: string): void {
    if (this.settled) throw new Error('settled twice');
    this.settled = true;
    this.answers.push(answer);
    this.journal.push(answer);
  }
}

type Step = 'failures' | 'record' | 'forget' | 'letter' | 'send';

/** What a handler leans on; `journal` tells what was done, in order. */
export class MessageBench {
  readonly journal: string[] = [];
  readonly letters: DeadLetter[] = [];
  readonly sent: OutgoingEvent[] = [];
  readonly log = new RecordingLog();
  /** The failures on record, by sequence. */
  readonly failures = new Map<number, number>();
  readonly handler: Handler;
  /** What each step fails with, if it is to fail. */
  private readonly failing = new Map<Step, unknown>();

  constructor(
    invoke: (event: Envelope, context: EventContext) => unknown = () => undefined,
    over: Partial<Handler> = {},
  ) {
    this.handler = {
      plugin: 'badge',
      name: 'award',
      durable: 'badge-award',
      version: 'abc123',
      where: { file: '/plugins/badge.plugin.ts', line: 12 },
      concurrency: 2,
      timeoutMs: 30_000,
      retry: { attempts: 3, backoffMs: [1_000, 5_000] },
      limits: { maxPayloadBytes: 524_288, maxDepth: 64 },
      invoke,
      attempts: this.attempts(),
      deadLetters: this.deadLetters(),
      outgoing: this.outgoing(),
      counters: new HandlerCounters(),
      log: this.log,
      ...over,
    };
  }

  delivery(payload: unknown = {}, given: Given = {}): FakeDelivery {
    return new FakeDelivery(payload, given, this.journal);
  }

  fail(step: Step, error: unknown = new Error(`${step} failed`)): this {
    this.failing.set(step, error);
    return this;
  }

  mend(step: Step): void {
    this.failing.delete(step);
  }

  private async step(step: Step, line?: string): Promise<void> {
    await Promise.resolve();
    if (this.failing.has(step)) throw this.failing.get(step);
    if (line !== undefined) this.journal.push(line);
  }

  private attempts(): AttemptLog {
    return {
      failures: async ({ sequence }) => {
        await this.step('failures');
        return this.failures.get(sequence) ?? 0;
      },
      record: async ({ sequence }, failures) => {
        await this.step('record', `record ${failures}`);
        this.failures.set(sequence, failures);
      },
      forget: async ({ sequence }) => {
        await this.step('forget', 'forget');
        this.failures.delete(sequence);
      },
    };
  }

  private deadLetters(): DeadLetters {
    return {
      store: async (letter) => {
        await this.step('letter', `letter ${letter.headers['x-dead-letter-reason']}`);
        this.letters.push(letter);
      },
    };
  }

  private outgoing(): Outgoing {
    return {
      send: async (event) => {
        await this.step('send', `send ${event.subject}`);
        this.sent.push(event);
      },
    };
  }
}
