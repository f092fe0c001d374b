/** The nats-server that is fetched where none is found. */
export const PINNED_VERSION = '2.15.2';

/** The oldest nats-server that runs the main job. */
export const OLDEST_VERSION = '2.9.0';

/** Whether a version such as `2.10.4` or `2.12.0-RC.1` is that of `oldest`, or newer. */
export function isAtLeast(version: string, oldest: string): boolean {
  const [have, want] = [numbersOf(version), numbersOf(oldest)];
  const differing = want.findIndex((number, at) => have[at] !== number);
  return differing === -1 || (have[differing] ?? 0) > (want[differing] ?? 0);
}

function numbersOf(version: string): number[] {
  return version.split(/[.-]/, 3).map(Number);
}
