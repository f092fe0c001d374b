import { execFile } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { allAnswered, answersInFull, figuresOf, readableMs, roundMs } from './figures';
import { readableHandled, waitUntilHandled, watchHandlers, type Handled } from './handled';
import { JETPLUG, cleanEnvironment } from './host-process';
import { playDuring } from './platform';
import { DROPPED_IN, type Stage } from './stage';

export interface DropIn {
  readonly file: string;
  /** From copying the file to the first event that its plugin had handled. */
  readonly firstHandledMs: number;
  /** Watches published from the first one to the end of the act. */
  readonly published: number;
  /** How many of these watches the new plugin counted in its store. */
  readonly counted: number;
  /** How many watches each plugin handled. */
  readonly handled: Handled;
}

const PLUGIN = 'badge';
/** The time between two plays. */
const EVERY_MS = 100;
/** How long viewers play before the file is copied, and after its plugin has handled an event. */
const AROUND_MS = 500;
const PATIENCE_MS = 30_000;
/** The interval of the requests to the host, and so the precision of the measured time. */
const POLL_MS = 10;

/** Second act: a sixth plugin is added as a file while the host runs and viewers watch. */
export async function dropIn(stage: Stage): Promise<DropIn> {
  const { screen, claims, jetplug, ready, signal } = stage;
  const file = basename(DROPPED_IN);
  screen.act(2, 'A plugin is dropped in while they watch');
  screen.say(
    `${file} was left out at the start. It is copied into the plugins folder now; nothing is restarted,`,
    'and no other file is touched. It asks for events from the beginning.',
    '',
  );
  let firstHandledMs = NaN;
  const answers = await playDuring(jetplug, EVERY_MS, signal, async () => {
    await sleep(AROUND_MS, undefined, { signal });
    firstHandledMs = await copyAndWait(stage);
    await sleep(AROUND_MS, undefined, { signal });
  });
  const plugins = [...ready.plugins.map(({ plugin }) => plugin), PLUGIN].sort();
  const { handled, all } = await waitUntilHandled(stage, plugins);
  const counts = await countsInStore(stage);
  const counted = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const published = jetplug.startedInAll;

  screen.say(`copied → its first event handled: ${readableMs(firstHandledMs)}`, '');
  const meanwhile = figuresOf(answers);
  const undisturbed = allAnswered(meanwhile, 200);
  claims.check('viewers did not notice: every video was started meanwhile', undisturbed, answersInFull(meanwhile));
  const equal = counts.size === jetplug.started.size && [...jetplug.started].every(([who, n]) => counts.get(who) === n);
  claims.check(
    `${PLUGIN} counted every watch since the first one, viewer by viewer: ${published}`,
    equal,
    `${counted} of ${published} in its store`,
  );
  claims.check(`all ${plugins.length} plugins handled all ${published} events each`, all, readableHandled(handled));
  return { file, firstHandledMs: roundMs(firstHandledMs), published, counted, handled };
}

/** @returns the time until the first event was handled, or NaN when the plugin handles none */
async function copyAndWait(stage: Stage): Promise<number> {
  const { plugins, signal, screen } = stage;
  const beganMs = performance.now();
  await copyFile(DROPPED_IN, join(plugins, basename(DROPPED_IN)));
  screen.status(`copied; waiting for ${PLUGIN} to handle its first event`);
  for (;;) {
    const badge = (await watchHandlers(stage)).get(PLUGIN);
    const tookMs = performance.now() - beganMs;
    if (badge && badge.handled > 0) return tookMs;
    if (tookMs > PATIENCE_MS) return NaN;
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** The plugin's stored values, as `jetplug store` shows them: watches by viewer. */
async function countsInStore({ folder, ready, signal }: Stage): Promise<Map<string, number>> {
  const args = [JETPLUG, 'store', PLUGIN, '--json', '--servers', ready.broker.url];
  const { stdout } = await promisify(execFile)(process.execPath, args, { ...cleanEnvironment(folder), signal });
  const values = JSON.parse(stdout) as { key: string; value: number }[];
  return new Map(values.map(({ key, value }) => [key, value]));
}
