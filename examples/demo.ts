/**
 * The streaming platform's story, live: the synchronous chain beside publish-and-return, an added plugin, and the outage
 * of the ML service. Every printed figure is measured in the run. The latencies of the chain's services and the outage
 * are simulated, by configuration.
 *
 * `--requests N`: the number of requests of each measurement, default 40. `--json`: prints only the figures, as one object.
 * `--quick`: every latency and timeout of the services is a quarter of the story's. The variable JETPLUG_DEMO_QUICK=1
 * does the same.
 *
 * Exit code: 0 when every claim held in this run, 1 when one did not, 130 when the run was interrupted.
 */
import { parseArgs } from 'node:util';
import { unheld, type Claim } from './demo/claims';
import { dropIn, type DropIn } from './demo/drop-in';
import { readableMs } from './demo/figures';
import { mlOutage, type MlOutage } from './demo/ml-outage';
import { VIEWERS } from './demo/platform';
import { responseTimes, type ResponseTimes } from './demo/response-times';
import { Screen } from './demo/screen';
import { onStage, type Stage } from './demo/stage';

/** The output of `--json`. Times are in ms. */
export interface DemoFigures {
  readonly broker: { readonly kind: string; readonly version: string };
  readonly requests: number;
  readonly viewers: number;
  readonly scale: number;
  readonly responseTimes: ResponseTimes;
  readonly dropIn: DropIn;
  readonly mlOutage: MlOutage;
  readonly claims: readonly Claim[];
  /** The last errors that the host reported. */
  readonly hostErrors: readonly string[];
  readonly tookMs: number;
}

const QUICK_SCALE = 0.25;

async function main(): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stop.abort(new Interrupted(`stopped by ${signal}`)));
  }
  // An EPIPE, for example, when the reader of the output has ended.
  process.stdout.on('error', (error) => stop.abort(error));
  try {
    const { requests, json, scale } = options();
    const screen = new Screen(json);
    const figures = await onStage({ requests, scale, screen, stop }, playActs);
    if (json) process.stdout.write(`${JSON.stringify(figures, null, process.stdout.isTTY ? 2 : undefined)}\n`);
    const wrong = unheld(figures.claims, figures.hostErrors);
    if (wrong !== undefined) throw new Error(wrong);
  } catch (error) {
    // An abort makes other calls fail; the reason of the abort explains more than their errors.
    const reason: unknown = stop.signal.aborted && !(error instanceof AggregateError) ? stop.signal.reason : error;
    process.stderr.write(`${explain(reason)}\n`);
    process.exitCode = reason instanceof Interrupted ? 130 : 1;
  }
}

class Interrupted extends Error {}

function options(): { requests: number; json: boolean; scale: number } {
  const { values } = parseArgs({
    options: {
      requests: { type: 'string', default: '40' },
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: process.env['JETPLUG_DEMO_QUICK'] === '1' },
    },
  });
  const requests = Number(values.requests);
  if (!Number.isInteger(requests) || requests < 1) {
    throw new Error(`--requests takes a whole number from 1, not ${values.requests}`);
  }
  return { requests, json: values.json, scale: values.quick ? QUICK_SCALE : 1 };
}

async function playActs(stage: Stage): Promise<DemoFigures> {
  const { screen, claims, host, ready, requests, scale } = stage;
  const beganMs = performance.now();
  const { kind, version } = ready.broker;
  screen.title('The streaming platform, before and after');
  screen.say(
    `${ready.plugins.length} plugins run on ${kind} nats-server ${version}, ready in ${readableMs(ready.tookMs)}.`,
    screen.dim(
      `All figures are measured in this run.${scale === 1 ? '' : ` The services are ${1 / scale} times as quick as in the story.`}`,
    ),
  );
  const first = await responseTimes(stage);
  const second = await dropIn(stage);
  const third = await mlOutage(stage, first.chain.p50Ms);
  const figures: DemoFigures = {
    broker: { kind, version },
    requests,
    viewers: VIEWERS.length,
    scale,
    responseTimes: first,
    dropIn: second,
    mlOutage: third,
    claims: claims.all,
    hostErrors: host.errors,
    tookMs: Math.round(performance.now() - beganMs),
  };
  close(screen, figures);
  return figures;
}

function close(screen: Screen, { responseTimes, dropIn, mlOutage, claims, tookMs }: DemoFigures): void {
  const both = (what: string, act: ResponseTimes | MlOutage, percent: 'p50Ms' | 'p99Ms'): string[] => [
    what,
    readableMs(act.chain[percent]),
    readableMs(act.jetplug[percent]),
  ];
  screen.title('The figures of this run');
  screen.table([
    ['', 'synchronous chain', 'Jetplug'],
    both('a viewer presses play, p50', responseTimes, 'p50Ms'),
    both('                       p99', responseTimes, 'p99Ms'),
    both('the ML service hangs,  p50', mlOutage, 'p50Ms'),
    both('                       p99', mlOutage, 'p99Ms'),
    ['   videos started meanwhile', started(mlOutage.chain.answers), started(mlOutage.jetplug.answers)],
    ['a feature added: file copied → first event', '', readableMs(dropIn.firstHandledMs)],
    ['   past and present watches it counted', '', `${dropIn.counted} of ${dropIn.published}`],
    ['ML service back → caught up', '', readableMs(mlOutage.caughtUpMs)],
    ['   events that had waited', '', String(mlOutage.waiting)],
    ['events dead-lettered', '', String(mlOutage.deadLettered)],
  ]);
  const held = claims.filter((claim) => claim.held).length;
  screen.say(`${held} of ${claims.length} claims held, in ${readableMs(tookMs)}.`, '');
}

function started(answers: Readonly<Record<string, number>>): string {
  const all = Object.values(answers).reduce((sum, count) => sum + count, 0);
  return `${answers[200] ?? 0} of ${all}`;
}

/** The text of an error with its causes, or with each of several errors. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner: unknown[] =
    error instanceof AggregateError ? error.errors : error.cause === undefined ? [] : [error.cause];
  return [error.message, ...inner.map((each) => `  ${explain(each).replaceAll('\n', '\n  ')}`)].join('\n');
}

void main();
