import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { eventually } from './eventually';
import { plainEnv, STORY_FOLDER, type LogLine, type ReadyLine } from './host';
import { natsServerBinary } from './nats-server';

/** How a program under npm ended. */
export interface NpmEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A host that npm or npx runs, with an embedded broker. */
export interface NpmHost {
  /** Of npm itself, which leads a process group. */
  readonly npm: number;
  readonly ready: ReadyLine;
  lines(): LogLine[];
  /** Resolves when npm has ended, which may be before the host has. */
  readonly ended: Promise<NpmEnd>;
}

const READY_MS = 60_000;

/** Starts `npm …` or `npx …` in a project of its own, as a user does in a shell that is no terminal. */
export async function startUnderNpm(folder: string, command: readonly string[], plugins: string): Promise<NpmHost> {
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  symlinkSync(resolve(__dirname, '../../host/bin.js'), join(folder, 'node_modules/.bin/jetplug'));
  symlinkSync(join(STORY_FOLDER, 'config'), join(folder, 'config'));
  const scripts = { start: 'jetplug start', jetplug: 'jetplug' };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'project', version: '1.0.0', scripts }));
  const args = ['--json', '--http', '127.0.0.1:0', '--plugins', plugins, '--nats-port', '0', '--data', 'data'];
  const out = join(folder, 'out');
  const [program, ...words] = [...command, ...args];
  const files = [openSync(out, 'w'), openSync(join(folder, 'err'), 'w')] as const;
  const child = spawn(program!, words, {
    cwd: folder,
    env: { ...npmFreeEnv(), JETPLUG_NATS_EMBEDDED_BINARY: await natsServerBinary() },
    // A pipe would be read by this process after npm has ended, and a test that fails would wait for it.
    stdio: ['ignore', ...files],
    detached: true,
  });
  files.forEach(closeSync);
  const ended = new Promise<NpmEnd>((done) => child.once('exit', (code, signal) => done({ code, signal })));
  const lines = (): LogLine[] => jsonLines(out);
  const ready = await eventually(() => lines().find(({ msg }) => msg === 'ready') as ReadyLine | undefined, READY_MS);
  return { npm: child.pid!, ready, lines, ended };
}

/** The environment without the variables of the npm that runs these tests. */
function npmFreeEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(plainEnv()).filter(([name]) => !name.startsWith('npm_')));
}

function jsonLines(file: string): LogLine[] {
  if (!existsSync(file)) return [];
  const complete = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return complete.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine);
}
