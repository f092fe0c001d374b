/**
 * How fast a backlog is drained: by the loop that the documentation of the NATS client shows, by the best loop
 * that can be written with it, and by a host with a plugin, whose handler is synchronous and has a contract.
 *
 * Each is a process of its own. The rate is taken between 10 % and 90 % of the events, by what the server says
 * is settled, so that starting costs nobody anything. Machines differ and change: only ratios within one round count.
 *
 * `--events N`: default 30,000. `--rounds N`: default 3. `--json`: prints the rows, and nothing else.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { percentile } from '../examples/demo/figures';
import { Screen } from '../examples/demo/screen';
import { connectEventBus } from '../host/nats/client';
import { Connection } from '../host/nats/connection';
import { durablePosition } from '../host/nats/consumers';
import { openBroker } from '../host/nats/embedded/open-broker';
import { hasEnded, startDrainer, stopDrainer, SUBJECTS, type Subject } from './drainer';

interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** What `--json` prints a list of. The ratios are of rates of one round. */
interface Row extends Spread {
  readonly case: string;
  readonly subject: Subject;
  readonly unit: 'events/s';
  readonly ratioToBest: Spread;
  readonly ratioToDocumented: Spread;
}

/** Events a second. */
type Round = Readonly<Record<Subject, number>>;

interface Options {
  readonly events: number;
  readonly rounds: number;
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

const STREAM = 'BENCH';
const EVENT = 'bench.played';
const IN_FLIGHT = 500;
const POLL_MS = 5;
const STALLED_MS = 30_000;

async function main(): Promise<void> {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => stop.abort(new Error(`stopped by ${name}`)));
  }
  const { values } = parseArgs({
    options: {
      events: { type: 'string', default: '30000' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
    },
  });
  const [events, rounds] = [positive(values.events, '--events'), positive(values.rounds, '--rounds')];
  const screen = new Screen(values.json);
  const rows = rowsOf(events, await measure({ events, rounds, screen, signal: stop.signal }));
  if (values.json) process.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
  else show(screen, rows);
}

/** On a nats-server of its own, which is gone in the end whatever happens. */
async function measure(options: Options): Promise<Round[]> {
  const folder = await mkdtemp(join(tmpdir(), 'jetplug-bench-'));
  try {
    const binary = process.env['JETPLUG_NATS_EMBEDDED_BINARY'] ?? '';
    // The server's own interval: it is not the disk that is measured.
    const embedded = { binary, port: 0, data: join(folder, 'data'), syncInterval: '2m', own: true };
    const broker = await openBroker({ servers: [], embedded, say: (line) => options.screen.status(line) });
    try {
      return await playRounds(broker.url, folder, options);
    } finally {
      await broker.stop();
    }
  } finally {
    options.screen.settle();
    await rm(folder, { recursive: true, force: true });
  }
}

async function playRounds(url: string, folder: string, options: Options): Promise<Round[]> {
  const connection = await Connection.open({ servers: [url], name: 'bench' });
  try {
    await connection.jsm.streams.add({ name: STREAM, subjects: [EVENT] });
    await preload(url, options);
    const played: Round[] = [];
    while (played.length < options.rounds) played.push(await playRound(played.length, connection, folder, options));
    const { state } = await connection.jsm.streams.info('DEAD');
    if (state.messages > 0)
      throw new Error(`the host dead-lettered ${state.messages} events in place of handling them`);
    return played;
  } finally {
    await connection.close();
  }
}

/** By a publisher's bus, so that the events are those that a host meets. */
async function preload(url: string, { events, screen, signal }: Options): Promise<void> {
  const bus = await connectEventBus({ servers: url });
  try {
    for (let first = 0; first < events; first += IN_FLIGHT) {
      signal.throwIfAborted();
      screen.status(`publishing: ${first} of ${events}`);
      const batch = Array.from({ length: Math.min(IN_FLIGHT, events - first) }, (_, i) => fieldsOf(first + i));
      await Promise.all(batch.map((fields) => bus.publish(EVENT, fields)));
    }
  } finally {
    await bus.close();
  }
}

function fieldsOf(i: number): Record<string, unknown> {
  return { user_id: `viewer-${i % 1_000}`, video_id: `video-${i % 100}`, device: 'living room', position_s: i + 1 };
}

/** Each round begins with another subject: what the machine does besides shall not always meet the same one. */
async function playRound(round: number, connection: Connection, folder: string, options: Options): Promise<Round> {
  const rates = new Map<Subject, number>();
  for (const i of SUBJECTS.keys()) {
    const subject = SUBJECTS[(i + round) % SUBJECTS.length]!;
    options.screen.status(`round ${round + 1} of ${options.rounds}: ${subject}`);
    const durable = `round-${round}-${i}`;
    const url = `nats://${connection.server}`;
    const drainer = await startDrainer({ subject, url, stream: STREAM, event: EVENT, durable, folder });
    try {
      rates.set(subject, await rateOf(drainer, connection, durable, options));
    } finally {
      await stopDrainer(drainer);
    }
    await connection.jsm.consumers.delete(STREAM, durable);
  }
  return Object.fromEntries(rates) as Round;
}

/** Follows the durable on the server until everything is settled. */
async function rateOf(
  drainer: ChildProcess,
  connection: Connection,
  durable: string,
  { events, signal }: Options,
): Promise<number> {
  const samples = [{ atMs: performance.now(), settled: 0 }];
  for (let last = samples[0]!; last.settled < events;) {
    signal.throwIfAborted();
    await sleep(POLL_MS);
    const position = await durablePosition(connection, STREAM, durable);
    const settled = position ? events - position.pending - position.inFlight : 0;
    const sample = { atMs: performance.now(), settled };
    samples.push(sample);
    if (settled > last.settled) last = sample;
    else if (hasEnded(drainer)) throw new Error(`${durable} ended at ${settled} of ${events}`);
    else if (sample.atMs - last.atMs > STALLED_MS) throw new Error(`${durable} is stuck at ${settled} of ${events}`);
  }
  return (0.8 * events * 1_000) / (timeAt(0.9 * events, samples) - timeAt(0.1 * events, samples));
}

/** When so many were settled, between two samples as if the rate were even there. */
function timeAt(count: number, samples: readonly { atMs: number; settled: number }[]): number {
  const next = samples.findIndex(({ settled }) => settled >= count);
  const [before, after] = [samples[next - 1]!, samples[next]!];
  return before.atMs + ((count - before.settled) / (after.settled - before.settled)) * (after.atMs - before.atMs);
}

function rowsOf(events: number, rounds: readonly Round[]): Row[] {
  return SUBJECTS.map((subject) => ({
    case: `drain ${events} events`,
    subject,
    unit: 'events/s',
    ...spread(rounds.map((round) => Math.round(round[subject]))),
    ratioToBest: spread(rounds.map((round) => round[subject] / round['best plain loop'])),
    ratioToDocumented: spread(rounds.map((round) => round[subject] / round['documented loop'])),
  }));
}

function spread(values: readonly number[]): Spread {
  return { median: percentile(values, 50), min: Math.min(...values), max: Math.max(...values) };
}

function show(screen: Screen, rows: readonly Row[]): void {
  const text = ({ median, min, max }: Spread, digits: number): string => {
    const [middle, least, most] = [median, min, max].map((value) => value.toFixed(digits));
    return `${middle} (${least}–${most})`;
  };
  screen.title(`${rows[0]!.case}: median (min–max) of the rounds`);
  screen.table([
    ['', 'thousand events/s', '× documented loop', '× best plain loop'],
    ...rows.map(({ subject, median, min, max, ratioToDocumented, ratioToBest }) => [
      subject,
      text({ median: median / 1_000, min: min / 1_000, max: max / 1_000 }, 1),
      text(ratioToDocumented, 2),
      text(ratioToBest, 2),
    ]),
  ]);
}

function positive(text: string, flag: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`${flag} takes a whole number from 1, not ${text}`);
  return Number(text);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
