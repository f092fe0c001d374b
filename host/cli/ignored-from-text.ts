import type { IgnoredFrom } from '../broker/durable';

/** Says why the option `from` of a handler has no effect. */
export function ignoredFromText({ asked, started, created }: IgnoredFrom): string {
  const since = created.replace(/\.\d+Z$/, 'Z');
  return `from ${asked} has no effect: the durable exists since ${since}, and has started from ${started}`;
}
