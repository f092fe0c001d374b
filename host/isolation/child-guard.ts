import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

/*
 * A thread that an isolated plugin's code cannot block. It kills the process when the host is gone, and when the process
 * exceeds its memory limit, buffers included.
 */

/** The file descriptor of a pipe to the host. The pipe closes when the host ends, also when the host is killed. */
const GUARD_FD = 3;
const CHECK_MS = 100;

const { limitBytes } = workerData as { limitBytes: number };

function kill(): void {
  process.kill(process.pid, 'SIGKILL');
}

function checkMemory(): void {
  const residentBytes = process.memoryUsage.rss();
  if (residentBytes <= limitBytes) return;
  // The plugin's own thread may be blocked, so the guard reports the reason.
  writeSync(GUARD_FD, `${residentBytes}\n`);
  kill();
}

new Socket({ fd: GUARD_FD, readable: true, writable: false }).on('close', kill).on('error', kill).resume();
setInterval(checkMemory, CHECK_MS);
parentPort!.postMessage('watching');
