import type { Takers } from '../ops/takers';
import { paint } from './output';

/** The takers in the JSON output of `publish`. */
export function takersFields(takers: Takers | undefined): { takes?: readonly string[]; later?: readonly string[] } {
  return takers ? { takes: takers.takes, later: takers.later.map(({ handler }) => handler) } : {};
}

/** The takers in the text output of `publish`. */
export function takersText({ from, takes, later, never, meant }: Takers): string[] {
  const lines: string[] = [];
  const names = takes.length === 0 ? '' : `: ${takes.join(', ')}`;
  if (from === 'hosts') lines.push(`${countText(takes.length)} it${names}`);
  else {
    const once = takes.length === 0 ? '' : ' as soon as one runs';
    lines.push(`no host runs (start one with npx jetplug start); ${countText(takes.length)} it${once}${names}`);
  }
  for (const { handler, why } of later) lines.push(`${handler} gets it later: ${why}`);
  for (const { handler, why } of never) lines.push(`${handler} does not get it: ${why}`);
  if (meant !== undefined)
    lines.push(paint('yellow', `no handler subscribes to exactly this subject; did you mean ${meant}?`));
  return lines.map((line) => `  ${line}`);
}

function countText(count: number): string {
  if (count === 0) return 'no handler takes';
  return count === 1 ? '1 handler takes' : `${count} handlers take`;
}
