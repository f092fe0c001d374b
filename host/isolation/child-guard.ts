import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

/*
 * A thread beside an isolated plugin's code, which that code cannot hold up: it ends the process when the host
 * is gone, or when the process has more memory than it may, of whatever kind.
 */

/** A pipe to the host, which closes it when it ends, in whatever way. */
const GUARD_FD = 3;
const LOOK_MS = 100;

const { limitBytes } = workerData as { limitBytes: number };

function kill(): void {
  process.kill(process.pid, 'SIGKILL');
}

function look(): void {
  const residentBytes = process.memoryUsage.rss();
  if (residentBytes <= limitBytes) return;
  // Nothing could be sent by the plugin's own thread any more.
  writeSync(GUARD_FD, `${residentBytes}\n`);
  kill();
}

new Socket({ fd: GUARD_FD, readable: true, writable: false }).on('close', kill).on('error', kill).resume();
setInterval(look, LOOK_MS);
parentPort!.postMessage('watching');
