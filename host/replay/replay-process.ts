import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { JetplugError } from '../../sdk/internal';
import { errorsIn } from '../base/plain-error';
import { machineTime } from '../base/time';
import { withoutCredentials } from '../isolation/forked-process';
import { decodeError } from '../isolation/wire-error';
import type { EffectRun, Effects, ReplayedEvent } from './effect-run';
import type {
  InspectorAddress,
  Judgement,
  LoadedHandler,
  ReplayConfig,
  ReplayMessage,
  ReplayOrder,
  ReplayTarget,
} from './replay-protocol';

const PROGRAM = join(__dirname, 'replay-main.js');
/** The time that the process may take for its own work, beside the code of the plugin, in milliseconds. */
const BESIDE_MS = 30_000;

export interface ReplayProcessOptions {
  readonly config: ReplayConfig;
  /** Whether the plugin has the network. */
  readonly allowsNetwork: boolean;
}

/** An order that is not answered yet. */
interface OpenOrder {
  take(message: ReplayMessage): void;
  fail(error: unknown): void;
}

/**
 * A process that runs a plugin's handler for events, one after the other, and returns their effects. Call {@link stop}
 * in the end, whatever has failed.
 */
export class ReplayProcess {
  private open: OpenOrder | undefined;
  private isLate = false;
  /** How the process has ended; undefined while it runs. */
  private end: string | undefined;

  private constructor(
    private readonly child: ChildProcess,
    private readonly options: ReplayProcessOptions,
  ) {}

  static start(options: ReplayProcessOptions, program = PROGRAM): ReplayProcess {
    const child = fork(program, [], {
      // The debugger's own notes about its address would mix with those of the command.
      execArgv: ['--inspect-publish-uid=http'],
      // The output of plugins goes to standard error. The fourth pipe ends the process when the command is gone.
      stdio: ['ignore', 2, 2, 'pipe', 'ipc'],
      env: withoutCredentials(process.env),
      serialization: 'json',
    });
    const started = new ReplayProcess(child, options);
    started.follow();
    return started;
  }

  /**
   * Loads the plugin as it is on disk. The later runs are those of the plugin that was loaded last.
   * @throws JetplugError, or an AggregateError of several
   */
  async load(target: ReplayTarget): Promise<LoadedHandler> {
    const { config, allowsNetwork } = this.options;
    const order: ReplayOrder = { to: 'load', target, config, allowsNetwork };
    const { handler } = await this.ask(order, 'loaded', config.plugins.startTimeoutMs + BESIDE_MS);
    return handler;
  }

  /**
   * Runs the handler for an event.
   * @throws JetplugError when the plugin does not start, or the process ends
   */
  async run(run: EffectRun, { timeoutMs }: LoadedHandler): Promise<Effects> {
    // The functions of `afterCommit` have the handler's timeout once more.
    const limitMs = this.options.config.plugins.startTimeoutMs + 2 * timeoutMs + BESIDE_MS;
    return (await this.ask({ to: 'run', run }, 'effects', limitMs)).effects;
  }

  /**
   * Runs the handler for an event under a debugger, without a time limit.
   * @param waits called with the address at which the process waits for the debugger
   * @throws JetplugError when the plugin does not start, or the process ends
   */
  async debug(run: EffectRun, inspect: InspectorAddress, waits: (at: InspectorAddress) => void): Promise<Effects> {
    return (await this.ask({ to: 'run', run, inspect }, 'effects', undefined, waits)).effects;
  }

  /**
   * Validates events by the contract of a handler. The first call for a handler loads its plugin as it is on disk,
   * without the network.
   * @throws JetplugError, or an AggregateError of several, if the plugin cannot be loaded or the process ends
   */
  async judge(target: ReplayTarget, events: readonly ReplayedEvent[]): Promise<Judgement> {
    const { config } = this.options;
    const limitMs = config.plugins.startTimeoutMs + BESIDE_MS;
    return (await this.ask({ to: 'judge', target, config, events }, 'judged', limitMs)).judgement;
  }

  /** Ends the process at once: nothing of it is worth a wait, and a debugger may hold it. */
  async stop(): Promise<void> {
    const { child } = this;
    if (this.end !== undefined || child.pid === undefined) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  private follow(): void {
    const { child } = this;
    // The plugin's own code can send messages on the channel, too.
    child.on('message', (message) => {
      if (typeof message === 'object' && 'is' in message) this.open?.take(message as ReplayMessage);
    });
    child.once('exit', (code, signal) => {
      this.end = signal ?? `exit code ${code}`;
      this.open?.fail(this.ended(this.end));
    });
    child.once('error', (cause) => {
      this.open?.fail(new JetplugError('JP_INTERNAL', `the event cannot be run again: ${cause.message}`, { cause }));
    });
    // The pipe may fail when the process ends, which `exit` reports.
    child.stdio[3]?.on('error', () => undefined);
  }

  private ended(how: string): JetplugError {
    if (!this.isLate) return new JetplugError('JP_REPLAY_ENDED', `the process ended before the run was over: ${how}`);
    return new JetplugError('JP_REPLAY_ENDED', 'the plugin blocked the process for longer than its timeouts allow');
  }

  private async ask<Is extends ReplayMessage['is']>(
    order: ReplayOrder,
    is: Is,
    limitMs: number | undefined,
    waits?: (at: InspectorAddress) => void,
  ): Promise<ReplayMessage & { is: Is }> {
    if (this.end !== undefined) throw this.ended(this.end);
    const timer = limitMs === undefined ? undefined : machineTime.after(limitMs, () => this.kill());
    try {
      return await new Promise((resolve, reject) => {
        const take = (message: ReplayMessage): void => {
          if (message.is === is) resolve(message as ReplayMessage & { is: Is });
          else if (message.is === 'waits') waits?.(message.address);
          else if (message.is === 'failed') reject(errorOf(message));
        };
        this.open = { take, fail: reject };
        // The process may have ended already; then its event `exit` fails the order.
        this.child.send(order, () => undefined);
      });
    } finally {
      timer?.cancel();
      this.open = undefined;
    }
  }

  private kill(): void {
    this.isLate = this.child.kill('SIGKILL');
  }
}

function errorOf({ errors }: ReplayMessage & { is: 'failed' }): Error {
  const all = errors.flatMap((error) => errorsIn(decodeError(error)));
  return all.length === 1 ? all[0]! : new AggregateError(all, 'the plugin cannot be run');
}
