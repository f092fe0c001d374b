import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { JETPLUG, surroundings } from '../examples/demo/host-process';

export const SUBJECTS = ['documented loop', 'best plain loop', 'host'] as const;
export type Subject = (typeof SUBJECTS)[number];

export interface DrainerOptions {
  readonly subject: Subject;
  readonly url: string;
  readonly stream: string;
  readonly event: string;
  /** Made by the drainer itself, from the stream's beginning. */
  readonly durable: string;
  /** A temporary folder. */
  readonly folder: string;
}

export interface Drainer {
  /** Rejects when it ends by itself. */
  readonly failure: Promise<never>;
  stop(): Promise<void>;
}

const STOP_MS = 10_000;
const MAX_SAID = 4_000;

/** Starts what is to be measured, as a process with the node flags of this one, such as `--cpu-prof`. */
export async function startDrainer(options: DrainerOptions): Promise<Drainer> {
  const { subject, folder } = options;
  const args = [...process.execArgv, ...(subject === 'host' ? await hostArgs(options) : plainArgs(options))];
  const child = spawn(process.execPath, args, { ...surroundings(folder), stdio: ['ignore', 'pipe', 'pipe'] });
  const killAtExit = (): boolean => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const ended = endOf(child).finally(() => process.off('exit', killAtExit));
  const failure = ended.then((how) => {
    throw new Error(`${subject}: ${how}`);
  });
  // Whoever waits for it hears of it; an end that was asked for is none.
  failure.catch(() => undefined);
  return {
    failure,
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

function plainArgs({ subject, url, stream, durable }: DrainerOptions): string[] {
  return [join(__dirname, 'plain-loop.js'), subject === 'documented loop' ? 'documented' : 'best', url, stream, durable];
}

async function hostArgs({ url, stream, event, durable, folder }: DrainerOptions): Promise<string[]> {
  const plugins = join(folder, durable);
  const config = join(folder, 'config.json');
  await mkdir(plugins);
  await writeFile(join(plugins, 'drain.plugin.ts'), pluginSource(event, durable));
  // JSON is YAML too.
  await writeFile(config, JSON.stringify({ streams: [{ name: stream, subjects: [event] }] }));
  const flags = ['--json', '--http', '127.0.0.1:0', '--servers', url, '--config', config, '--plugins', plugins];
  return [JETPLUG, 'start', ...flags];
}

function pluginSource(event: string, durable: string): string {
  return `
import { defineEvent, Plugin, Subscribe } from 'jetplug/sdk';
import { z } from 'zod';

export class Played extends defineEvent(
  '${event}',
  z.object({ user_id: z.string().min(1), video_id: z.string().min(1), device: z.string(), position_s: z.int() }),
) {}

@Plugin({ name: '${durable}' })
export class DrainPlugin {
  private handled = 0;

  @Subscribe({ from: 'beginning', durable: '${durable}' })
  count(event: Played) {
    this.handled += event.position_s > 0 ? 1 : 0;
  }
}
`;
}

/** Resolves with how it ended and what it said last. */
function endOf(child: ChildProcess): Promise<string> {
  let said = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-MAX_SAID)));
  }
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(`ended with ${signal ?? code}\n${said}`));
  });
}
