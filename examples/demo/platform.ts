import { setTimeout as sleep } from 'node:timers/promises';

/** What came of pressing play. */
export interface Answer {
  readonly status: number;
  /** From the request to the last byte of the answer. */
  readonly tookMs: number;
  readonly message: string;
}

/** Who presses play: so many at once. */
export const VIEWERS: readonly string[] = Array.from({ length: 8 }, (_, i) => `viewer-${i + 1}`);
export const VIDEOS: readonly string[] = Array.from({ length: 12 }, (_, i) => `video-${i + 1}`);

/** One of the two platforms, as its viewers meet it. */
export class Platform {
  /** How many videos were started, by viewer. */
  readonly started = new Map<string, number>();
  private asked = 0;

  constructor(
    private readonly url: string,
    private readonly signal: AbortSignal,
  ) {}

  get startedInAll(): number {
    return [...this.started.values()].reduce((sum, count) => sum + count, 0);
  }

  /** The viewer presses play on the next video. */
  async play(viewer: string): Promise<Answer> {
    const body = JSON.stringify({ user_id: viewer, video_id: VIDEOS[this.asked++ % VIDEOS.length] });
    const beganMs = performance.now();
    const response = await fetch(`${this.url}/watch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: this.signal,
    });
    const { message } = (await response.json()) as { message: string };
    const tookMs = performance.now() - beganMs;
    if (response.ok) this.started.set(viewer, (this.started.get(viewer) ?? 0) + 1);
    return { status: response.status, tookMs, message };
  }
}

/**
 * All viewers at once, each one turn after the other, until there were `turns` in all.
 * @param apartMs how long after the one before a viewer begins: they do not press play in step
 */
export async function takeTurns(
  turns: number,
  apartMs: number,
  signal: AbortSignal,
  turn: (viewer: string) => Promise<void>,
): Promise<void> {
  let left = turns;
  await Promise.all(
    VIEWERS.map(async (viewer, i) => {
      await sleep(i * apartMs, undefined, { signal });
      while (left-- > 0) await turn(viewer);
    }),
  );
}

/** One viewer after the other presses play, every so often, until `work` is done. */
export async function playDuring(
  platform: Platform,
  everyMs: number,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  let over = false;
  const play = async (): Promise<void> => {
    while (!over) {
      answers.push(await platform.play(VIEWERS[answers.length % VIEWERS.length]!));
      await sleep(everyMs, undefined, { signal });
    }
  };
  await Promise.all([play(), work().finally(() => (over = true))]);
  return answers;
}
