import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';

/*
 * The watchdog is a process between the host and nats-server. It ensures that a killed host leaves no broker: when the
 * pipe on stdin closes, the watchdog ends the server and then itself. It has a session of its own, so that Ctrl-C on the
 * terminal does not reach the broker before the host has drained.
 *
 * The watchdog reads orders from stdin and writes reports to stdout, each as a line of JSON. It can also be started from
 * source text instead of a file (see `startWatchdog`), so it imports only Node's own modules.
 *
 * The server starts only after the order `go`. By then the host has written the server's process number into the lock. If
 * the server outlives the host and the watchdog, the next host recognises the server by that number. A shell waits for
 * `go` and then becomes the server, under the same process number.
 */

export interface WatchdogOrder {
  readonly command: string;
  readonly args: readonly string[];
  /** The file for the server's panics, and for its output before its own log is open. */
  readonly logFile: string;
  /** The time that the server may take to end before it gets SIGKILL. */
  readonly killAfterMs: number;
}

/** A line that the host sends: first the order, then `go`. */
export type WatchdogLine = WatchdogOrder | 'go';

const SHELL = '/bin/sh';
const WAIT_FOR_GO = 'read -r go && exec "$0" "$@"';

/** `started`: the server's process number. `ended`: the exit code or signal, or why the server could not start. */
export type WatchdogReport = { readonly started: number } | { readonly ended: string };

let server: ChildProcess | undefined;
let killAfterMs = 0;
let stopping = false;
let received = '';

process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk: string) => {
  received += chunk;
  for (let end = received.indexOf('\n'); end !== -1; end = received.indexOf('\n')) {
    const line = JSON.parse(received.slice(0, end)) as WatchdogLine;
    received = received.slice(end + 1);
    if (line === 'go') server?.stdin?.end('go\n');
    else start(line);
  }
});
process.stdin.on('close', stop);
process.stdout.on('error', stop); // The host no longer listens.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop);

function start(order: WatchdogOrder): void {
  if (stopping) return;
  killAfterMs = order.killAfterMs;
  try {
    const log = openSync(order.logFile, 'a', 0o600);
    // Without a shell the server starts at once.
    const waits = existsSync(SHELL);
    const command = waits ? SHELL : order.command;
    const args = waits ? ['-c', WAIT_FOR_GO, order.command, ...order.args] : order.args;
    const child = spawn(command, args, { stdio: ['pipe', log, log], windowsHide: true });
    server = child;
    child.stdin?.on('error', stop); // The server has just ended, and `exit` reports that.
    child.on('spawn', () => report({ started: child.pid ?? 0 }));
    child.on('error', (error) => end(error.message));
    child.on('exit', (code, signal) => end(signal === null ? `exit code ${code}` : `signal ${signal}`));
  } catch (error) {
    end(String(error));
  }
}

function stop(): void {
  if (stopping) return;
  stopping = true;
  if (server === undefined) return end('it was not started');
  server.kill('SIGTERM');
  setTimeout(() => server?.kill('SIGKILL'), killAfterMs).unref();
}

function end(how: string): void {
  stopping = true;
  report({ ended: how });
  process.stdin.destroy(); // Only stdin keeps this process alive.
}

function report(line: WatchdogReport): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
