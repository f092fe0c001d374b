import { pause } from '../base/retry-until';
import { machineTime, type Time } from '../base/time';
import { BatchAnswers, type Batch } from './batch-answers';
import type { Msg } from './client';
import { API_ERROR, apiErrorCode } from './failures';
import type { Requests } from './requests';

export interface SharedReadsOptions {
  readonly requests: Pick<Requests, 'ask'>;
  /** The subject of the request for messages of the stream. */
  readonly request: string;
  /** A subject of which the stream always has a message. A server says up to which sequence it has the stream only then. */
  readonly present: string;
  /** Stores the message of {@link present} if the stream has none. */
  storePresent(): Promise<unknown>;
  /** The clock and timers. Default: the machine's. */
  readonly time?: Time;
}

interface Read {
  readonly subject: string;
  readonly asOf: number;
  resolve(message: Msg | undefined): void;
  reject(error: unknown): void;
}

/** The limits of one request. A server answers for up to 1,024 subjects. */
const MAX_SUBJECTS = 500;
const MAX_SUBJECT_BYTES = 100_000;
const MAX_BYTES = 2 * 1024 * 1024;
const RETRY_MS = 10;
/** The time that the replicas have to get a write that was acknowledged. */
const TIMEOUT_MS = 5_000;
/** The server's words for a request for subjects of which the replica has no message. */
const NO_RESULTS = 'No Results';

/**
 * Reads the last messages of a stream's subjects from any replica, but not from one that is too far behind. All reads of
 * one turn of the event loop share a request.
 */
export class SharedReads {
  private waiting: Read[] = [];
  private readonly time: Time;

  constructor(private readonly options: SharedReadsOptions) {
    this.time = options.time ?? machineTime;
  }

  /**
   * Reads the last message of a subject; undefined if there is none. Rejects if no replica that answers has the stream up
   * to the sequence `asOf` in time.
   */
  read(subject: string, asOf: number): Promise<Msg | undefined> {
    return new Promise((resolve, reject) => {
      if (this.waiting.push({ subject, asOf, resolve, reject }) === 1) setImmediate(() => this.flush());
    });
  }

  private flush(): void {
    const { waiting } = this;
    this.waiting = [];
    for (let from = 0; from < waiting.length;) {
      let bytes = 0;
      let to = from;
      while (to < waiting.length && to - from < MAX_SUBJECTS && bytes < MAX_SUBJECT_BYTES) {
        bytes += waiting[to++]!.subject.length;
      }
      void this.readAll(waiting.slice(from, to));
      from = to;
    }
  }

  private async readAll(reads: readonly Read[]): Promise<void> {
    const { time } = this;
    const endsMs = time.nowMs() + TIMEOUT_MS;
    let open = reads;
    try {
      for (;;) {
        const batch = await this.request(open);
        const found = new Map(batch.messages.map(({ message }) => [message.headers!.last('Nats-Subject'), message]));
        const before = open.length;
        open = open.filter((read) => !end(read, batch, found));
        if (open.length === 0) return;
        if (batch.left > 0 && open.length < before) continue;
        if (time.nowMs() >= endsMs) throw tooFarBehind(open, batch);
        if (batch.ended === NO_RESULTS) await this.storePresent();
        await pause(RETRY_MS, time);
      }
    } catch (error) {
      for (const { reject } of open) reject(error);
    }
  }

  private async storePresent(): Promise<void> {
    try {
      await this.options.storePresent();
    } catch (error) {
      // Another host has stored it.
      if (apiErrorCode(error) !== API_ERROR.wrongLastSequence) throw error;
    }
  }

  private request(reads: readonly Read[]): Promise<Batch> {
    const { requests, request, present } = this.options;
    const subjects = new Set([present, ...reads.map(({ subject }) => subject)]);
    const answers = new BatchAnswers();
    const body = JSON.stringify({ multi_last: [...subjects], max_bytes: MAX_BYTES });
    return requests.ask(request, body, (answer) => answers.take(answer), { endsWithConnection: true });
  }
}

/** Ends a read if the batch has its result. */
function end({ subject, asOf, resolve }: Read, batch: Batch, found: ReadonlyMap<string, Msg>): boolean {
  const { left, ended, upTo = ended === NO_RESULTS ? 0 : -1 } = batch;
  if (upTo < asOf) return false;
  const message = found.get(subject);
  if (!message && left > 0) return false;
  resolve(message);
  return true;
}

function tooFarBehind(open: readonly Read[], { upTo, ended }: Batch): Error {
  const asOf = Math.max(...open.map((read) => read.asOf));
  const answer = upTo === undefined ? `the answer is "${ended ?? ''}"` : `the replica has those up to ${upTo}`;
  return new Error(`no replica has the writes up to ${asOf}: ${answer}`);
}
