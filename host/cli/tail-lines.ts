import { firstLine, terminalText } from '../base/utf8';
import type { LiveMessage, LiveRun } from '../records/runs/live-runs';
import { durationText } from './duration-text';
import { paint } from './output';
import { figure } from './figure';

/** How long an event waits for the runs of other handlers and hosts, before its line is printed. */
const GATHER_MS = 400;
const MAX_ERROR = 160;

interface Gathered {
  readonly runs: LiveRun[];
  readonly sinceMs: number;
}

/** Gathers the runs of each event into one line. */
export class TailLines {
  /** In the order of their arrival. */
  private readonly events = new Map<string, Gathered>();
  private left = 0;
  private printed = 0;
  private secondSinceMs = -Infinity;

  /** @param maxPerSecond the number of lines in a second; the runs of further events are only counted */
  constructor(private readonly maxPerSecond = Infinity) {}

  add({ runs, left }: LiveMessage, nowMs: number): void {
    this.left += left;
    for (const run of runs) {
      const name = `${run.stream}:${run.sequence}`;
      const others = this.events.get(name);
      if (others) others.runs.push(run);
      else this.events.set(name, { runs: [run], sinceMs: nowMs });
    }
  }

  /** Takes out the lines of the events that have waited long enough. Once a second it adds how many runs were left out. */
  take(nowMs: number): string[] {
    const isNewSecond = nowMs - this.secondSinceMs >= 1_000;
    if (isNewSecond) {
      this.secondSinceMs = nowMs;
      this.printed = 0;
    }
    const lines: string[] = [];
    for (const [name, { runs, sinceMs }] of this.events) {
      if (nowMs - sinceMs < GATHER_MS) break;
      this.events.delete(name);
      if (this.printed < this.maxPerSecond) {
        this.printed++;
        lines.push(lineOf(runs));
      } else this.left += runs.length;
    }
    if (this.left > 0 && isNewSecond) {
      lines.push(paint('dim', `… ${figure(this.left)} more runs`));
      this.left = 0;
    }
    return lines;
  }
}

function lineOf(runs: readonly LiveRun[]): string {
  const [{ subject, about }] = runs as [LiveRun];
  const event = `${paint('cyan', terminalText(subject))}${about === '' ? '' : ` ${firstLine(terminalText(about), 40)}`}`;
  return `${event} → ${runs.map(runText).join(' · ')}`;
}

function runText({ plugin, ranMs, outcome, verdict, delayMs, reason, error, emits = [] }: LiveRun): string {
  if (outcome === 'handled') {
    const subjects = [...new Set(emits.map(({ subject }) => terminalText(subject)))];
    const published = subjects.length > 0 ? ` (${subjects.join(', ')})` : '';
    return `${plugin} ${paint('green', '✔')} ${durationText(ranMs)}${published}`;
  }
  const sign = verdict === 'dead-lettered' ? paint('red', '✖') : paint('yellow', '✖');
  const why = error ? `: ${firstLine(terminalText(error.message), MAX_ERROR)}` : '';
  return `${plugin} ${sign} ${thenText(verdict, delayMs, reason)}${why}`;
}

function thenText(verdict: LiveRun['verdict'], delayMs = 0, reason = ''): string {
  switch (verdict) {
    case 'retried':
      return `retry in ${durationText(delayMs)}`;
    case 'waits':
      return 'waits, the circuit is open';
    case 'dead-lettered':
      return `dead letter (${reason})`;
    case 'released':
      return 'nacked, the host stops';
    case 'settled':
      return 'settled';
  }
}
