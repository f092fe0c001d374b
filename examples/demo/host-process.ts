import { spawn, type ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseMetrics, type HandlerMetrics } from './metrics';

export const PACKAGE_ROOT = dirname(require.resolve('jetplug/package.json'));
/** The command, of the build that this runs from. */
export const JETPLUG = join(PACKAGE_ROOT, 'dist', 'host', 'cli', 'main.js');

/** Longer than the grace that it gives its handlers. */
const STOP_MS = 15_000;
const MAX_ERRORS = 5;

/** What the host says when it is ready. */
export interface Ready {
  readonly tookMs: number;
  readonly broker: { readonly kind: string; readonly url: string; readonly version: string };
  readonly http: string;
  readonly plugins: readonly {
    readonly plugin: string;
    readonly handlers: readonly { readonly handler: string; readonly subject: string }[];
  }[];
}

export interface HostOptions {
  /** Where it runs and keeps its data. */
  readonly folder: string;
  readonly plugins: string;
  readonly config: string;
  /** Told what it does while it starts. */
  readonly starting: (message: string) => void;
  /** Told when it ends though nobody stopped it. */
  readonly ended: (why: Error) => void;
}

/** `jetplug start` as a process, with an embedded broker of its own. */
export class HostProcess {
  /** Resolves when it is ready; when that never happens, `ended` is told. */
  readonly ready: Promise<Ready>;
  /** What it complained of last, readable. */
  readonly errors: string[] = [];
  private readonly child: ChildProcess;
  private readonly end: Promise<void>;
  private state: 'starting' | 'running' | 'stopping' | 'ended' = 'starting';

  constructor({ folder, plugins, config, starting, ended }: HostOptions) {
    const flags = ['--json', '--nats-port', '0', '--data', join(folder, 'data'), '--http', '127.0.0.1:0'];
    this.child = spawn(process.execPath, [JETPLUG, 'start', ...flags, '--plugins', plugins, '--config', config], {
      ...surroundings(folder),
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C is for the demonstration, which ends the host when it has closed what depends on it.
      detached: true,
    });
    this.ready = this.listen(starting);
    this.end = new Promise((resolve) => {
      this.child.once('error', (error) => {
        this.remember(error.message);
        resolve();
      });
      this.child.once('close', () => resolve());
    });
    process.once('exit', this.endWithUs);
    void this.end.then(() => {
      process.off('exit', this.endWithUs);
      const what = { starting: 'the host did not start', running: 'the host ended by itself' };
      const { state } = this;
      this.state = 'ended';
      if (state === 'starting' || state === 'running') ended(new Error([what[state], ...this.errors].join('\n  ')));
    });
  }

  /** What its handlers have done so far. */
  async metrics(signal: AbortSignal): Promise<HandlerMetrics[]> {
    const { http } = await this.ready;
    const response = await fetch(`${http}/metrics`, { signal });
    return parseMetrics(await response.text());
  }

  /** Stops it gracefully, its broker with it. */
  async stop(): Promise<void> {
    if (this.state === 'ended') return;
    this.state = 'stopping';
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => {
      this.remember(`it did not stop within ${STOP_MS / 1_000} s and was killed`);
      this.child.kill('SIGKILL');
    }, STOP_MS);
    await this.end;
    clearTimeout(timer);
    const { exitCode, signalCode } = this.child;
    if (exitCode === 0) return;
    throw new Error([`the host did not stop cleanly (${exitCode ?? signalCode})`, ...this.errors].join('\n  '));
  }

  private listen(starting: HostOptions['starting']): Promise<Ready> {
    createInterface({ input: this.child.stderr! }).on('line', (line) => this.remember(line));
    return new Promise((resolve) => {
      createInterface({ input: this.child.stdout! }).on('line', (line) => {
        const { level, msg = line, ...facts } = parse(line);
        if (level === 'error') this.remember(line);
        if (this.state !== 'starting') return;
        if (msg !== 'ready') return starting(msg);
        this.state = 'running';
        resolve(facts as unknown as Ready);
      });
    });
  }

  private remember(line: string): void {
    this.errors.push(readableError(line));
    if (this.errors.length > MAX_ERRORS) this.errors.shift();
  }

  /** Whatever this process dies of. */
  private readonly endWithUs = (): void => void this.child.kill('SIGTERM');
}

/** An error of the catalogue, or a line of the log, as JSON; or what something else wrote. */
function readableError(line: string): string {
  const { msg, plugin, message, error, err, hint } = parse(line);
  const what = [msg, plugin, message ?? error ?? err?.message].filter((part) => part !== undefined).join(': ');
  return [what || line, ...(hint === undefined ? [] : [hint])].join('\n    ');
}

type Line = Readonly<Record<'level' | 'msg' | 'plugin' | 'message' | 'error' | 'hint', string | undefined>> & {
  readonly err?: { readonly message: string };
};

/** A line of JSON, or nothing where somebody wrote something else. */
function parse(line: string): Partial<Line> {
  try {
    return JSON.parse(line) as Partial<Line>;
  } catch {
    return {}; // the line itself is shown
  }
}

/**
 * Where `jetplug` runs for the demonstration: neither the user's config nor his variables may send it to
 * another broker than its own; only which nats-server to run is his choice.
 */
export function surroundings(folder: string): { cwd: string; env: NodeJS.ProcessEnv } {
  const own = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('JETPLUG_') || name === 'JETPLUG_NATS_EMBEDDED_BINARY',
  );
  return { cwd: folder, env: Object.fromEntries(own) };
}
