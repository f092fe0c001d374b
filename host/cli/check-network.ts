import dgram from 'node:dgram';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

type Method = (...args: unknown[]) => unknown;
type Methods = Record<string, Method>;

/**
 * Blocks the network for the code of this process: each connection, look-up, datagram and listening server fails as
 * if nothing answered.
 * @param attempted called with each attempt, such as `connects to db:5432`
 * @returns a function that unblocks the network
 */
export function blockNetwork(attempted: (what: string) => void): () => void {
  const undo = [
    replace(net.Socket.prototype, 'connect', function (this: net.Socket, ...args) {
      const target = targetOf(args);
      attempted(`connects to ${target}`);
      process.nextTick(() => this.destroy(refused(`connect ECONNREFUSED ${target}`)));
      return this;
    }),
    replace(net.Server.prototype, 'listen', function (this: net.Server, ...args) {
      attempted(`listens on ${targetOf(args)}`);
      return this;
    }),
    replace(dgram.Socket.prototype, 'send', function (...args) {
      attempted('sends a datagram');
      answerLater(args, refused('send ECONNREFUSED'));
    }),
    ...Object.keys(dns)
      .filter(looksUp)
      .map((name) =>
        replace(dns, name, (...args) => {
          attempted(`looks up ${String(args[0])}`);
          answerLater(args, refused(`${name} ECONNREFUSED ${String(args[0])}`));
        }),
      ),
    ...Object.keys(dns.promises)
      .filter(looksUp)
      .map((name) =>
        replace(dns.promises, name, async (...args) => {
          attempted(`looks up ${String(args[0])}`);
          return Promise.reject(refused(`${name} ECONNREFUSED ${String(args[0])}`));
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

function looksUp(name: string): boolean {
  return /^(lookup|resolve|reverse)/.test(name);
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

function refused(message: string): Error {
  return Object.assign(new Error(`${message}: a check has no network`), { code: 'ECONNREFUSED' });
}

function answerLater(args: readonly unknown[], error: Error): void {
  const callback = args.at(-1);
  if (typeof callback === 'function') process.nextTick(() => (callback as Method)(error));
}
