/**
 * Measures how long the open of a plugin's commit log takes, with and without a checkpoint:
 *   node dist/bench/start-log.js nats://127.0.0.1:4222 --keys 1000000 --commits 100000
 * It creates the log and the bucket of the plugin `start-log`, and deletes them at the end.
 */
import { parseArgs } from 'node:util';
import { machineTime } from '../host/base/time';
import { Bucket } from '../host/nats/bucket';
import { JetStreamLog } from '../host/nats/commit-log';
import { Connection } from '../host/nats/connection';
import { CheckpointStore } from '../host/records/commits/checkpoint';
import { encodeCommit, type RunChanges } from '../host/records/commits/commit';
import { PluginLog } from '../host/records/commits/plugin-log';

const PLUGIN = 'start-log';
const CONFIG = {
  deploy: { name: 'bench', allowDataLoss: false },
  store: { maxBytes: -1, historyMs: 7 * 86_400_000, logMaxBytes: -1 },
  streams: [],
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { keys: { type: 'string', default: '1000000' }, commits: { type: 'string', default: '100000' } },
  });
  const [servers = 'nats://127.0.0.1:4222'] = positionals;
  const connection = await Connection.open({ servers: [servers], name: 'bench' });
  try {
    await fill(connection, Number(values.keys), Number(values.commits));
    await measure(connection, 'without a checkpoint');
    await checkpoint(connection);
    await measure(connection, 'with a checkpoint');
  } finally {
    for (const stream of [`LOG_jetplug-${PLUGIN}`, `KV_jetplug-${PLUGIN}`]) {
      await connection.jsm.streams.delete(stream).catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
    }
    await connection.close();
  }
}

/** Appends commits that change all keys in turn: as many keys a commit as it takes. */
async function fill(connection: Connection, keys: number, commits: number): Promise<void> {
  const log = await JetStreamLog.open(connection, PLUGIN, CONFIG);
  await Bucket.open(connection, `jetplug-${PLUGIN}`, CONFIG);
  const perCommit = Math.ceil(keys / commits);
  let key = 0;
  for (let position = 0; position < commits; position++) {
    const runs = Array.from({ length: perCommit }, (): RunChanges => {
      const sequence = ++key;
      const writes = new Map([[`key-${sequence % keys}`, `{"count":${sequence}}`]]);
      const event = { durable: `${PLUGIN}-count`, incarnation: '2026-01-01T00:00:00Z', sequence };
      return { origin: { handler: 'count', timeMs: Date.now() }, event, writes, emits: [] };
    });
    await log.append(encodeCommit({ host: 'bench', number: position, runs, sent: [], adopted: new Map() }), position);
  }
  process.stdout.write(`${commits} commits of ${perCommit} keys\n`);
}

async function measure(connection: Connection, what: string): Promise<void> {
  const opened = await guest(connection);
  const beganMs = performance.now();
  await opened.open();
  const tookMs = Math.round(performance.now() - beganMs);
  const { position, unfilled } = opened.folded;
  process.stdout.write(`${what}: open to commit ${position} in ${tookMs} ms, ${unfilled.size} texts for the bucket\n`);
  await opened.close();
}

/** Brings the bucket up to date, which stores a checkpoint. */
async function checkpoint(connection: Connection): Promise<void> {
  const opened = await guest(connection);
  await opened.open();
  const beganMs = performance.now();
  await opened.fillBucket();
  process.stdout.write(`the bucket is up to date in ${Math.round(performance.now() - beganMs)} ms\n`);
  await opened.close();
  const stored = await new CheckpointStore(Bucket.at(connection, `jetplug-${PLUGIN}`)).read();
  if (!stored) throw new Error('no checkpoint was stored');
}

async function guest(connection: Connection): Promise<PluginLog> {
  const log = await JetStreamLog.find(connection, PLUGIN);
  return new PluginLog({
    host: `bench-${Date.now()}`,
    log: log!,
    bucket: Bucket.at(connection, `jetplug-${PLUGIN}`),
    time: machineTime,
    isGuest: true,
    trouble: (message, error) => process.stderr.write(`${message}: ${String(error)}\n`),
    halted: (error) => process.stderr.write(`${String(error)}\n`),
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
