import { setTimeout as sleep } from 'node:timers/promises';
import { allAnswered, answersInFull, figuresOf, readableMs, roundMs, type Figures } from './figures';
import { readableHandled, showDuring, waitUntilHandled, watchHandlers, type Handled } from './handled';
import { takeTurns, VIEWERS, type Answer } from './platform';
import { APART_MS, showBoth } from './response-times';
import type { Stage } from './stage';

export interface MlOutage {
  readonly chain: Figures;
  readonly jetplug: Figures;
  /** How many watches each plugin had handled while the ML service hung. */
  readonly handled: Handled;
  /** How many watches were published since the first one. */
  readonly published: number;
  /** Events that waited for the plugin that needs the ML service, when the service answered again. */
  readonly waiting: number;
  /** From the ML service's first answer until the last waiting event was handled. */
  readonly caughtUpMs: number;
  /** Dead letters of all plugins in the whole run. */
  readonly deadLettered: number;
}

/** The plugin that needs the ML service. */
const NEEDS_ML = 'recommendation';

/**
 * Third act: the outage of 12 May again.
 * @param rhythmMs the pause of a viewer of the new platform between two videos
 */
export async function mlOutage(stage: Stage, rhythmMs: number): Promise<MlOutage> {
  const { screen, claims, ml, jetplug, requests } = stage;
  screen.act(3, 'The ML service hangs, as on 12 May');
  screen.say(
    'It takes requests and never answers. The chain waits for it twice, then playback fails;',
    `the new platform continues in the same rhythm, ${requests} requests.`,
  );
  ml.setMode('hang');
  const figures = await watchWithoutMl(stage, rhythmMs);
  const others = [...(await watchHandlers(stage)).keys()].filter((plugin) => plugin !== NEEDS_ML);
  const { all } = await waitUntilHandled(stage, others);
  const handlers = await watchHandlers(stage);
  const handled = Object.fromEntries([...handlers].map(([plugin, one]) => [plugin, one.handled]));
  const published = jetplug.startedInAll;
  const held = handlers.get(NEEDS_ML)!;
  const waiting = held.pending + held.inFlight;

  showBoth(screen, figures);
  screen.say(`The chain answers: ${figures.chain.failure ?? 'nothing is wrong'}.`, '');
  claims.check('every playback fails on the chain', allAnswered(figures.chain, 502), answersInFull(figures.chain));
  claims.check('every video is started on Jetplug', allAnswered(figures.jetplug, 200), answersInFull(figures.jetplug));
  claims.check(`${others.length} plugins kept working: ${published} events each`, all, readableHandled(handled));
  claims.check(
    `${NEEDS_ML} waits with the rest: ${held.handled} handled, ${waiting} wait in the stream`,
    waiting === published - held.handled && waiting > 0,
    `${waiting} wait, ${held.handled} of ${published} handled`,
  );
  return { ...figures, handled, published, waiting, ...(await catchUp(stage)) };
}

async function watchWithoutMl(stage: Stage, rhythmMs: number): Promise<{ chain: Figures; jetplug: Figures }> {
  const { signal, requests, scale, chain, jetplug } = stage;
  const answers = { chain: [] as Answer[], jetplug: [] as Answer[] };
  const oneEach = Math.min(requests, VIEWERS.length);
  const failing = takeTurns(oneEach, 0, signal, async (viewer) => void answers.chain.push(await chain.play(viewer)));
  const watching = takeTurns(requests, APART_MS * scale, signal, async (viewer) => {
    answers.jetplug.push(await jetplug.play(viewer));
    await sleep(rhythmMs, undefined, { signal });
  });
  const beganMs = performance.now();
  await showDuring(stage, Promise.all([failing, watching]), (handlers) => {
    const { pending = 0, inFlight = 0 } = handlers.get(NEEDS_ML) ?? {};
    const waited = readableMs(performance.now() - beganMs);
    const chainSays = answers.chain[0]?.message ?? `waiting for ${waited}`;
    return `Jetplug: ${answers.jetplug.length} started, ${pending + inFlight} events wait; the chain: ${chainSays}`;
  });
  return { chain: figuresOf(answers.chain), jetplug: figuresOf(answers.jetplug) };
}

async function catchUp(stage: Stage): Promise<{ caughtUpMs: number; deadLettered: number }> {
  const { screen, claims, ml, host, signal } = stage;
  screen.say('', 'The ML service answers again.', '');
  ml.setMode('ok');
  const { handled, all, tookMs } = await waitUntilHandled(stage, [NEEDS_ML]);
  claims.check(`${NEEDS_ML} caught up within ${readableMs(tookMs)}`, all, readableHandled(handled));
  const deadLettered = (await host.metrics(signal)).reduce((sum, one) => sum + one.deadLettered, 0);
  claims.check('nothing was lost: no event is dead-lettered', deadLettered === 0, `${deadLettered} are`);
  return { caughtUpMs: roundMs(tookMs), deadLettered };
}
