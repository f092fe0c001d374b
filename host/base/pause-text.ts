/** The end of a pause that lasts until somebody resumes the handler. The server needs a time, so it is a far one. */
export const UNTIL_RESUMED = new Date('9999-12-31T00:00:00.000Z');

/** Whether a pause has no end of its own. A pause by another tool counts too if it ends that late. */
export function lastsUntilResumed(until: Date): boolean {
  return until >= UNTIL_RESUMED;
}

/** The end of a pause as text: `until 2026-05-12T19:00:00Z`, or `until resumed`. */
export function pauseText(until: Date): string {
  return lastsUntilResumed(until) ? 'until resumed' : `until ${until.toISOString().replace(/\.000Z$/, 'Z')}`;
}
