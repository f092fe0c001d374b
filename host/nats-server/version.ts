/** The version of nats-server that is downloaded or built if no other is found. */
export const PINNED_VERSION = '2.15.2';

/** The oldest nats-server that Jetplug works with, embedded or joined. */
export const OLDEST_VERSION = '2.12.0';

/**
 * Returns whether a version such as `2.12.4`, `v2.14.0` or `2.12.0-RC.1` is `oldest` or newer. Pre-release tags are
 * ignored.
 */
export function isAtLeast(version: string, oldest: string): boolean {
  const [have, want] = [numbersOf(version), numbersOf(oldest)];
  const differing = want.findIndex((number, at) => have[at] !== number);
  return differing === -1 || (have[differing] ?? 0) > (want[differing] ?? 0);
}

/** Returns the major, minor and patch numbers. A part that is missing or not a number counts as 0. */
function numbersOf(version: string): number[] {
  const parts = version.replace(/^v/, '').split(/[.-]/, 3);
  return [0, 1, 2].map((at) => Number(parts[at]) || 0);
}
