import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { cleanEnvironment } from '../../examples/demo/host-process';
import { READ, type Reading } from './meter';

export interface ProcessOptions {
  /** The program and its arguments. */
  readonly args: readonly string[];
  /** The working directory. */
  readonly folder: string;
  /** The number of events in the stream. */
  readonly events: number;
  /** How many deliveries the process is to handle; default: each event once. */
  readonly deliveries?: number;
  readonly signal: AbortSignal;
}

/** A line of JSON on standard output. */
export type Line = Readonly<Record<string, unknown>> & { readonly msg?: string };

const READY_MS = 120_000;
const STOP_MS = 30_000;
const MAX_OUTPUT_LINES = 20;

/**
 * A process under measurement, with the meter loaded in it. It runs with the node flags of this process, such as
 * `--cpu-prof`, whose folder must be absolute.
 */
export class MeasuredProcess {
  /** The last lines of its output, for the message of a failure. */
  private readonly output: string[] = [];
  private readonly child: ChildProcess;
  private readonly closed: Promise<unknown>;
  private readonly startedAtMs = performance.now();
  private ready: { line: Line; tookMs: number } | undefined;

  constructor(private readonly options: ProcessOptions) {
    const { args, folder, events, deliveries = events } = options;
    const { cwd, env } = cleanEnvironment(folder);
    const variables = { BENCH_PID: process.pid, BENCH_EVENTS: events, BENCH_DELIVERIES: deliveries };
    const flags = [...process.execArgv, '--require', join(__dirname, 'meter.js')];
    this.child = spawn(process.execPath, [...flags, ...args], {
      cwd,
      env: { ...env, ...Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)])) },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.closed = once(this.child, 'close');
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.onLine(line));
    createInterface({ input: this.child.stderr! }).on('line', (line) => this.remember(line));
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Resolves with the line that reports readiness, and the time until then. */
  async whenReady(): Promise<{ line: Line; tookMs: number }> {
    while (!this.ready) {
      await this.waitFor();
      if (performance.now() - this.startedAtMs > READY_MS) throw this.failure('it is not ready');
    }
    return this.ready;
  }

  async read(): Promise<Reading> {
    this.options.signal.throwIfAborted();
    if (this.hasEnded) throw this.failure('it ended by itself');
    const answer = once(this.child, 'message');
    this.child.send(READ);
    const ended = this.closed.then(() => Promise.reject(this.failure('it ended by itself')));
    const [message] = (await Promise.race([answer, ended])) as [{ reading: Reading }];
    return message.reading;
  }

  /** Waits while the process works; fails if it ends meanwhile. */
  async waitFor(ms = 10): Promise<void> {
    await sleep(ms, undefined, { signal: this.options.signal });
    if (this.hasEnded) throw this.failure('it ended by itself');
  }

  /** Ends the process gracefully; kills it after 30 s. */
  async stop(): Promise<void> {
    if (this.hasEnded) return;
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS);
    await this.closed;
    clearTimeout(timer);
  }

  failure(why: string): Error {
    return new Error([`${this.options.args.join(' ')}: ${why}; its last output:`, ...this.output].join('\n  '));
  }

  private onLine(text: string): void {
    this.remember(text);
    if (this.ready || !text.startsWith('{')) return;
    const line = JSON.parse(text) as Line;
    if (line.msg === 'ready' || line.msg === 'listening') {
      this.ready = { line, tookMs: performance.now() - this.startedAtMs };
    }
  }

  private remember(line: string): void {
    this.output.push(line);
    if (this.output.length > MAX_OUTPUT_LINES) this.output.shift();
  }
}
