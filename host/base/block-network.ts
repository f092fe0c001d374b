import dgram from 'node:dgram';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

type Method = (...args: unknown[]) => unknown;
type Methods = Record<string, Method>;

export interface NetworkBlock {
  /** Called with each attempt, such as `connects to db:5432`. */
  attempted?(what: string): void;
  /**
   * Makes the error of an attempt.
   * @param message the message of a refused attempt, such as `connect ECONNREFUSED db:5432`
   */
  refusal(message: string): Error;
}

/**
 * Blocks the network for the code of this thread: each connection, look-up, datagram and listening server fails as if
 * nothing answered. This is no sandbox: other threads, child processes and native code have the network.
 * @returns a function that unblocks the network
 */
export function blockNetwork({ attempted = () => undefined, refusal }: NetworkBlock): () => void {
  const undo = [
    replace(net.Socket.prototype, 'connect', function (this: net.Socket, ...args) {
      const target = targetOf(args);
      attempted(`connects to ${target}`);
      process.nextTick(() => this.destroy(refusal(`connect ECONNREFUSED ${target}`)));
      return this;
    }),
    replace(net.Server.prototype, 'listen', function (this: net.Server, ...args) {
      const target = targetOf(args);
      attempted(`listens on ${target}`);
      process.nextTick(() => this.emit('error', refusal(`listen EACCES ${target}`)));
      return this;
    }),
    replace(dgram.Socket.prototype, 'send', function (...args) {
      attempted('sends a datagram');
      answerLater(args, refusal('send ECONNREFUSED'));
    }),
    ...lookUps(dns).map((name) =>
      replace(dns, name, (...args) => {
        attempted(`looks up ${String(args[0])}`);
        answerLater(args, refusal(`${name} ECONNREFUSED ${String(args[0])}`));
      }),
    ),
    ...lookUps(dns.promises).map((name) =>
      replace(dns.promises, name, async (...args) => {
        attempted(`looks up ${String(args[0])}`);
        return Promise.reject(refusal(`${name} ECONNREFUSED ${String(args[0])}`));
      }),
    ),
  ];
  // Modules that import these functions by name see the replacements only after this call.
  syncBuiltinESMExports();
  return () => {
    for (const restore of undo) restore();
    syncBuiltinESMExports();
  };
}

function replace(holder: object, name: string, by: Method): () => void {
  const methods = holder as Methods;
  const original = methods[name]!;
  methods[name] = by;
  return () => (methods[name] = original);
}

function lookUps(holder: object): string[] {
  return Object.keys(holder).filter((name) => /^(lookup|resolve|reverse)/.test(name));
}

/** Reads the arguments of `connect` and `listen`: a port and a host, a path, or options; Node.js may pass them as an array. */
function targetOf([first, second]: readonly unknown[]): string {
  const given: unknown = Array.isArray(first) ? first[0] : first;
  if (typeof given !== 'object' || given === null) {
    return typeof second === 'string' ? `${second}:${String(given)}` : String(given);
  }
  const { path, host, port } = given as { path?: string; host?: string; port?: number | string };
  return path ?? `${host ?? 'localhost'}:${port}`;
}

function answerLater(args: readonly unknown[], error: Error): void {
  const callback = args.at(-1);
  if (typeof callback === 'function') process.nextTick(() => (callback as Method)(error));
}
