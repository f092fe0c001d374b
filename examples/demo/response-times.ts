import { allAnswered, answersInFull, figuresOf, readableAnswers, readableMs, roundMs, type Figures } from './figures';
import { readableHandled, showDuring, waitUntilHandled, type Handled } from './handled';
import { takeTurns, VIEWERS, type Answer } from './platform';
import type { Screen } from './screen';
import type { Stage } from './stage';

export interface ResponseTimes {
  readonly chain: Figures;
  readonly jetplug: Figures;
  /** How many watches each plugin handled. */
  readonly handled: Handled;
  /** How many watches were published. */
  readonly published: number;
  /** The time from the last answer until every plugin had handled every watch. */
  readonly handledAfterMs: number;
}

/** The delay between the starts of the eight viewers, which spreads their plays over the time of the chain. */
export const APART_MS = 230;

/** First act: the time that a viewer waits on each platform. */
export async function responseTimes(stage: Stage): Promise<ResponseTimes> {
  const { screen, claims, requests, scale, chain, jetplug, ready, signal } = stage;
  screen.act(1, 'A viewer presses play');
  screen.say(
    `${VIEWERS.length} viewers at once, ${requests} requests to each platform, in turns: POST /watch to the old one,`,
    'which calls six services in a row, then to the new one, which publishes one event and answers.',
  );
  const answers = { chain: [] as Answer[], jetplug: [] as Answer[] };
  const load = takeTurns(requests, APART_MS * scale, signal, async (viewer) => {
    answers.chain.push(await chain.play(viewer));
    answers.jetplug.push(await jetplug.play(viewer));
  });
  await showDuring(stage, load, () => `${answers.jetplug.length} of ${requests} requests to each`);
  const plugins = ready.plugins.map(({ plugin }) => plugin);
  const { handled, all, tookMs } = await waitUntilHandled(stage, plugins);

  const figures = { chain: figuresOf(answers.chain), jetplug: figuresOf(answers.jetplug) };
  showBoth(screen, figures);
  const seen = `the chain ${answersInFull(figures.chain)}; Jetplug ${answersInFull(figures.jetplug)}`;
  const played = allAnswered(figures.chain, 200) && allAnswered(figures.jetplug, 200);
  claims.check('every video was started, on both platforms', played, seen);
  const faster = figures.jetplug.p50Ms < figures.chain.p50Ms && figures.jetplug.p99Ms < figures.chain.p99Ms;
  claims.check('Jetplug answers before the chain does, at p50 and at p99', faster, 'see the table');
  const published = jetplug.startedInAll;
  claims.check(
    `the work is done all the same: ${plugins.length} plugins handled all ${published} events each`,
    all,
    readableHandled(handled),
  );
  screen.say(`  the last of it ${readableMs(tookMs)} after the last answer`);
  return { ...figures, handled, published, handledAfterMs: roundMs(tookMs) };
}

/** A table with a row for each platform. */
export function showBoth(screen: Screen, { chain, jetplug }: { chain: Figures; jetplug: Figures }): void {
  const row = (name: string, figures: Figures): string[] => [
    name,
    readableMs(figures.p50Ms),
    readableMs(figures.p99Ms),
    readableAnswers(figures),
  ];
  screen.table([['response time', 'p50', 'p99', 'answers'], row('synchronous chain', chain), row('Jetplug', jetplug)]);
}
