import { spawn, type ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseMetrics, type HandlerMetrics } from './metrics';

export const PACKAGE_ROOT = dirname(require.resolve('jetplug/package.json'));
/** The command of this build. */
export const JETPLUG = join(PACKAGE_ROOT, 'dist', 'host', 'cli', 'main.js');

/** Longer than the time that the host gives its handlers to finish. */
const STOP_MS = 15_000;
const MAX_ERRORS = 5;

/** The host's `ready` log line. */
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
  /** The working directory, which also holds its data. */
  readonly folder: string;
  readonly plugins: string;
  readonly config: string;
  /** Called with the message of each log line until the host is ready. */
  readonly starting: (message: string) => void;
  /** Called when the host ends though nobody stopped it. */
  readonly ended: (why: Error) => void;
}

/** A `jetplug start` process with its own embedded broker. */
export class HostProcess {
  /** Resolves when the host is ready. If it ends before, the promise stays pending and `ended` is called. */
  readonly ready: Promise<Ready>;
  /** The last errors that the host reported, readable. */
  readonly errors: string[] = [];
  private readonly child: ChildProcess;
  private readonly end: Promise<void>;
  private state: 'starting' | 'running' | 'stopping' | 'ended' = 'starting';

  constructor({ folder, plugins, config, starting, ended }: HostOptions) {
    const flags = ['--json', '--nats-port', '0', '--data', join(folder, 'data'), '--http', '127.0.0.1:0'];
    this.child = spawn(process.execPath, [JETPLUG, 'start', ...flags, '--plugins', plugins, '--config', config], {
      ...cleanEnvironment(folder),
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C is for the demonstration only. It stops the host after it has closed the programs that depend on it.
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

  /** The counts of its handlers so far. */
  async metrics(signal: AbortSignal): Promise<HandlerMetrics[]> {
    const { http } = await this.ready;
    const response = await fetch(`${http}/metrics`, { signal });
    return parseMetrics(await response.text());
  }

  /** Stops the host and its broker gracefully; kills it after 15 s. */
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

  /** Ends the host when this process ends, for whatever reason. */
  private readonly endWithUs = (): void => void this.child.kill('SIGTERM');
}

/** The text of an error of the catalogue or of a log line, both as JSON; other lines as they are. */
function readableError(line: string): string {
  const { msg, plugin, message, error, err, hint } = parse(line);
  const what = [msg, plugin, message ?? error ?? err?.message].filter((part) => part !== undefined).join(': ');
  return [what || line, ...(hint === undefined ? [] : [hint])].join('\n    ');
}

type Line = Readonly<Record<'level' | 'msg' | 'plugin' | 'message' | 'error' | 'hint', string | undefined>> & {
  readonly err?: { readonly message: string };
};

/** The fields of a line of JSON; no fields for other text. */
function parse(line: string): Partial<Line> {
  try {
    return JSON.parse(line) as Partial<Line>;
  } catch {
    return {}; // The caller shows the line itself.
  }
}

/**
 * The directory and variables for `jetplug` processes of the demonstration. The user's config and JETPLUG_* variables are
 * left out, so that they cannot name another broker. Only the path of nats-server is kept.
 */
export function cleanEnvironment(folder: string): { cwd: string; env: NodeJS.ProcessEnv } {
  const own = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('JETPLUG_') || name === 'JETPLUG_NATS_EMBEDDED_BINARY',
  );
  return { cwd: folder, env: Object.fromEntries(own) };
}
