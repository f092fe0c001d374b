import { fork, type ChildProcess } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Time } from '../base/time';
import type { MemoryLimits } from '../load/isolation-options';
import type { PartedLog } from '../log/log';
import { LineWriter } from './line-writer';
import type { HostMessage, ProcessMessage } from './protocol';
import { TurnMessages } from './turn-messages';

const PROGRAM = join(__dirname, 'child-main.js');
const MIB = 1024 * 1024;
const NODE_CRASH = /^(<--- |FATAL ERROR: )/;
/** How long to wait for a process's last output after its exit. Its own children may keep the pipes open for longer. */
const LAST_OUTPUT_MS = 100;

interface ForkedProcessEvents {
  received(message: ProcessMessage): void;
  /** Called when the process is gone, with the reason. */
  ended(why: string): void;
}

/** A Node.js process with memory limits, its output in the log, and the reason of its end. */
export class ForkedProcess {
  /** Resolves when the process is gone and `ended` has returned. */
  readonly gone: Promise<void>;
  private resolveGone!: () => void;
  /** Undefined until the start, and if the system could not start the process. */
  private child: ChildProcess | undefined;
  /** The reason of the end, if it is known before the process exits. */
  private why: string | undefined;
  private isGone = false;
  /** The calls that begin in one turn are sent together. */
  private readonly messages = new TurnMessages<HostMessage>((messages) => this.write(messages));

  constructor(
    private readonly limits: MemoryLimits,
    public log: PartedLog,
    private readonly time: Time,
    private readonly events: ForkedProcessEvents,
    private readonly program = PROGRAM,
  ) {
    this.gone = new Promise((resolve) => (this.resolveGone = resolve));
  }

  /** Starts the process. Call it once. If the system cannot start it, the process ends at once. */
  start(): void {
    const started = forkProcess(this.program, this.limits);
    if (started instanceof Error) return this.end(notStarted(started));
    this.child = started;
    this.followEnd(started);
    started.once('spawn', () => this.lowerPriority(started));
    started.on('message', (messages) => {
      for (const message of messages as readonly ProcessMessage[]) this.events.received(message);
    });
    this.followOutput(started);
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /**
   * Sends a message. If the process is about to end, the message is lost, and the call or order fails when the process
   * has ended.
   */
  send(message: HostMessage): void {
    this.messages.send(message);
  }

  /** Records why the process is going to end. The first reason counts. */
  noteReason(why: string): void {
    this.why ??= why;
  }

  kill(why: string): void {
    this.noteReason(why);
    if (this.child) this.child.kill('SIGKILL');
    else this.end('it was not started');
  }

  private write(messages: readonly HostMessage[]): void {
    if (this.child?.connected) this.child.send(messages, () => undefined);
  }

  private followEnd(child: ChildProcess): void {
    child.on('error', (error) => {
      if (child.pid === undefined) this.end(notStarted(error));
      else this.log.warn('plugin process could not be signalled', { err: error });
    });
    child.once('exit', (code, signal) => {
      const end = (): void => this.end(signal ?? `exit code ${code}`);
      const timer = this.time.after(LAST_OUTPUT_MS, end);
      // The last lines of output may tell the reason.
      child.once('close', () => {
        timer.cancel();
        end();
      });
    });
  }

  private end(how: string): void {
    if (this.isGone) return;
    this.isGone = true;
    this.events.ended(this.why === undefined ? how : `${this.why} (${how})`);
    this.resolveGone();
  }

  /**
   * Lowers the priority of the process, so that a process that restarts in a loop or computes without end does not slow
   * the host down.
   */
  private lowerPriority({ pid }: ChildProcess): void {
    try {
      setPriority(pid!, constants.priority.PRIORITY_BELOW_NORMAL);
    } catch (error) {
      this.log.debug('plugin process keeps the priority of the host', { err: error });
    }
  }

  private followOutput({ stdio }: ChildProcess): void {
    // In spite of its type, `stdio` is undefined when the host has no file descriptors left.
    const [, stdout, stderr, guard] = (stdio as (Readable | null)[] | undefined) ?? [];
    stdout?.pipe(new LineWriter((line) => this.log.info(line, { from: 'stdout' })));
    let crashed = false;
    stderr?.pipe(
      new LineWriter((line) => {
        if (line.includes('heap out of memory')) {
          this.noteReason(`its objects reached the heap limit of ${this.mib('heapLimitBytes')}`);
        }
        // Node's report of its own crash is long, and does not help an operator.
        crashed ||= NODE_CRASH.test(line);
        this.log[crashed ? 'debug' : 'warn'](line, { from: 'stderr' });
      }),
    );
    guard?.on('data', () => this.noteReason(`its memory reached the limit of ${this.mib('memoryLimitBytes')}`));
    // The pipe may fail when the process ends, which the event `exit` reports.
    guard?.on('error', () => undefined);
  }

  private mib(limit: 'heapLimitBytes' | 'memoryLimitBytes'): string {
    return `${Math.round(this.limits[limit] / MIB)} MiB`;
  }
}

/** Starts the program. Returns the error instead where the system refuses at once, for example for want of memory. */
function forkProcess(program: string, { heapLimitBytes, memoryLimitBytes }: MemoryLimits): ChildProcess | Error {
  try {
    return fork(program, [String(memoryLimitBytes)], {
      execArgv: [`--max-old-space-size=${Math.max(1, Math.floor(heapLimitBytes / MIB))}`],
      // The fourth pipe is for the guard: it closes when the host ends, also when the host is killed.
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'ipc'],
      env: withoutCredentials(process.env),
      serialization: 'json',
      // Ctrl-C on a terminal reaches the host alone, which lets the process finish first.
      detached: true,
    });
  } catch (error) {
    return error as Error;
  }
}

function notStarted({ message }: Error): string {
  return `it could not be started: ${message}`;
}

/**
 * Returns the environment without the variables that the process must not get: the host's credentials for the server,
 * and its Node.js options.
 */
export function withoutCredentials(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(JETPLUG_NATS_|NODE_OPTIONS$)/.test(name)));
}
