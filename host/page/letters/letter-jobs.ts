import { randomUUID } from 'node:crypto';
import { JetplugError } from '../../../sdk/internal';
import type { Time } from '../../base/time';
import { changeLetters, type ChangeWave } from '../../ops/letters/change-letters';
import type { DeadLetterSummary } from '../../ops/dead-letter-summary';
import type { LetterIndex } from '../../ops/letters/letter-index';
import type { Job } from '../api';

const KEPT_MS = 60 * 60_000;
const ANNOUNCE_MS = 500;
const MAX_RUNNING = 4;
const MAX_KEPT = 500;

export interface JobRequest {
  readonly kind: Job['kind'];
  readonly by: string;
  readonly letters: readonly DeadLetterSummary[];
  readonly ratePerS?: number | undefined;
  /** Prepares the change before the first letter. */
  begin(): Promise<ChangeWave>;
}

interface Services {
  readonly index: Pick<LetterIndex, 'read' | 'expire'>;
  readonly time: Time;
  announce(job: Job): void;
  failed(job: Job, error: unknown): void;
}

/** The changes of many dead letters that run in the background, and those of the last hour. */
export class LetterJobs {
  private readonly jobs = new Map<string, RunningJob>();

  constructor(private readonly services: Services) {}

  list(): Job[] {
    this.forget();
    return [...this.jobs.values()].map(({ view }) => view).reverse();
  }

  /**
   * Starts a change.
   * @throws JetplugError `JP_USAGE` if too many are running
   */
  start(request: JobRequest): Job {
    this.forget();
    if (this.running.length >= MAX_RUNNING)
      throw new JetplugError('JP_USAGE', `${MAX_RUNNING} changes of dead letters are running`, {
        hint: 'Wait until one of them ends, or cancel it.',
      });
    const job = new RunningJob(request, this.services);
    this.jobs.set(job.view.id, job);
    void job.run();
    return job.view;
  }

  /** @throws JetplugError `JP_NOT_FOUND` */
  cancel(id: string): Job {
    const job = this.jobs.get(id);
    if (!job)
      throw new JetplugError('JP_NOT_FOUND', `there is no job ${JSON.stringify(id)}`, {
        hint: 'Jobs are kept for an hour, until the host stops.',
      });
    job.cancel();
    return job.view;
  }

  /** Cancels all jobs, and waits for the letters that are in flight. */
  async stop(): Promise<void> {
    for (const job of this.running) job.cancel();
    await Promise.all(this.running.map(({ ended }) => ended));
  }

  private get running(): RunningJob[] {
    return [...this.jobs.values()].filter(({ view }) => view.state === 'running');
  }

  private forget(): void {
    const oldestMs = this.services.time.epochMs() - KEPT_MS;
    for (const [id, { view }] of this.jobs) {
      if (view.state === 'running') continue;
      if (Date.parse(view.startedAt) < oldestMs || this.jobs.size > MAX_KEPT) this.jobs.delete(id);
    }
  }
}

class RunningJob {
  view: Job;
  ended: Promise<void> = Promise.resolve();
  private readonly abort = new AbortController();
  private readonly handlers: ReadonlySet<string>;
  private readonly lastId: number;

  constructor(
    private readonly request: JobRequest,
    private readonly services: Services,
  ) {
    const { kind, by, letters } = request;
    this.handlers = new Set(letters.map(handlerOf));
    this.lastId = letters.reduce((last, { id }) => Math.max(last, id), 0);
    const startedAt = new Date(services.time.epochMs()).toISOString();
    this.view = {
      id: randomUUID(),
      kind,
      by,
      state: 'running',
      total: letters.length,
      done: 0,
      failed: 0,
      arrived: 0,
      startedAt,
    };
  }

  cancel(): void {
    this.abort.abort();
  }

  run(): Promise<void> {
    this.ended = this.work();
    return this.ended;
  }

  /** Never rejects: a failure is the job's state. */
  private async work(): Promise<void> {
    const { time } = this.services;
    const ticks = time.every(ANNOUNCE_MS, () => void this.tell());
    try {
      const { letters, ratePerS } = this.request;
      const { stoppedBy } = await changeLetters(letters, await this.request.begin(), {
        ratePerS,
        time,
        signal: this.abort.signal,
        progress: (counts) => (this.view = { ...this.view, ...counts }),
      });
      if (stoppedBy !== undefined) this.fail(stoppedBy);
      else this.view = { ...this.view, state: this.view.done < letters.length ? 'cancelled' : 'done' };
    } catch (error) {
      this.fail(error);
    } finally {
      ticks.cancel();
    }
    this.services.index.expire();
    await this.tell();
  }

  private fail(error: unknown): void {
    this.view = { ...this.view, state: 'failed', error: error instanceof Error ? error.message : String(error) };
    this.services.failed(this.view, error);
  }

  /** Counts the new letters of the handlers, and sends the state to the open pages. */
  private async tell(): Promise<void> {
    try {
      const { letters } = await this.services.index.read();
      const arrived = letters.filter((letter) => letter.id > this.lastId && this.handlers.has(handlerOf(letter)));
      this.view = { ...this.view, arrived: arrived.length };
    } catch (error) {
      this.services.failed(this.view, error);
    }
    this.services.announce(this.view);
  }
}

function handlerOf({ plugin, handler }: DeadLetterSummary): string {
  return `${plugin}.${handler}`;
}
