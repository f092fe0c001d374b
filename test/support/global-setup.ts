import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { RUN_VARIABLE } from './leaked-processes';
import { natsServerBinary } from './nats-server';

/** Runs once before all test files: builds the host that some of them run, and finds nats-server for all of them. */
export default async function setUp(): Promise<void> {
  build();
  process.env['JETPLUG_NATS_SERVER'] = await natsServerBinary();
  process.env[RUN_VARIABLE] = randomUUID();
}

function build(): void {
  // The command compiles what has changed.
  const command = join(__dirname, '..', '..', 'host', 'bin.js');
  const { status, stderr } = spawnSync(process.execPath, [command, '--version'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the host could not be built:\n${stderr}`);
}
