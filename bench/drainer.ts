import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
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

const STOP_MS = 10_000;

/** Starts what is to be measured, as a process with the node flags of this one, such as `--cpu-prof`, whose folder must be absolute. */
export async function startDrainer(options: DrainerOptions): Promise<ChildProcess> {
  const args = options.subject === 'host' ? await hostArgs(options) : plainArgs(options);
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    ...surroundings(options.folder),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const killAtExit = (): boolean => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  child.once('exit', () => process.off('exit', killAtExit));
  return child;
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

export async function stopDrainer(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}

function plainArgs({ subject, url, stream, durable }: DrainerOptions): string[] {
  return [
    join(__dirname, 'plain-loop.js'),
    subject === 'documented loop' ? 'documented' : 'best',
    url,
    stream,
    durable,
  ];
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
