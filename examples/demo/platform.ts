import { setTimeout as sleep } from 'node:timers/promises';

/** The result of pressing play. */
export interface Answer {
  readonly status: number;
  /** From the request to the last byte of the answer. */
  readonly tookMs: number;
  readonly message: string;
}

/** The viewers, who press play at the same time. */
export const VIEWERS: readonly string[] = Array.from({ length: 8 }, (_, i) => `viewer-${i + 1}`);
export const VIDEOS: readonly string[] = Array.from({ length: 12 }, (_, i) => `video-${i + 1}`);

/** One of the two platforms, with the counts of its viewers. */
export class Platform {
  /** The number of started videos by viewer. */
  readonly started = new Map<string, number>();
  private asked = 0;

  constructor(
    private readonly url: string,
    private readonly signal: AbortSignal,
  ) {}

  get startedInAll(): number {
    return [...this.started.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Presses play on the next video for the viewer. */
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
 * Runs all viewers at the same time, each one turn after the other, until there were `turns` in all.
 * @param apartMs the delay of each viewer's start after the one before, so that they do not press play in step
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

/** Lets one viewer after the other press play at an interval, until `work` is done. */
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
