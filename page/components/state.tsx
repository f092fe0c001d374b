import type { Job, LiveHandler, LivePlugin } from '../../host/page/api';
import type { RunOutcome } from '../types';

type Tone = 'good' | 'bad' | 'warn' | 'quiet' | 'accent';

export function Pill({ tone, children }: { readonly tone: Tone; readonly children: preact.ComponentChildren }) {
  return <span class={`pill pill-${tone}`}>{children}</span>;
}

const PLUGIN_TONES: Readonly<Record<string, Tone>> = {
  running: 'good',
  failed: 'bad',
  waiting: 'warn',
  paused: 'warn',
  disabled: 'quiet',
  skipped: 'quiet',
  stopped: 'quiet',
};

/** The worst state among a plugin and its handlers. */
export function stateOf(plugin: LivePlugin): string {
  if (plugin.handlers.some(({ circuit }) => circuit === 'open')) return 'circuit open';
  const paused = plugin.handlers.filter(({ state }) => state === 'paused').length;
  if (paused > 0) return paused === plugin.handlers.length ? 'paused' : 'partly paused';
  if (plugin.handlers.some(({ state }) => state === 'waiting')) return 'waiting';
  return plugin.state;
}

export function StatePill({ state }: { readonly state: string }) {
  const tone = PLUGIN_TONES[state] ?? (state === 'circuit open' ? 'bad' : 'warn');
  return <Pill tone={tone}>{state}</Pill>;
}

export function handlerState({ circuit, state }: Pick<LiveHandler, 'circuit'> & { readonly state: string }): string {
  return circuit === 'open' ? 'circuit open' : state;
}

const OUTCOME_TONES: Readonly<Record<RunOutcome, Tone>> = {
  handled: 'good',
  failed: 'bad',
  'timed-out': 'bad',
  rejected: 'bad',
  died: 'bad',
  crashed: 'bad',
  invalid: 'bad',
  'given-up': 'bad',
  postponed: 'warn',
  unavailable: 'warn',
  interrupted: 'warn',
};

export function outcomeTone(outcome: string): Tone {
  return (OUTCOME_TONES as Readonly<Record<string, Tone>>)[outcome] ?? 'bad';
}

export function OutcomePill({ outcome }: { readonly outcome: string }) {
  return <Pill tone={outcomeTone(outcome)}>{outcome}</Pill>;
}

const JOB_TONES = { running: 'accent', done: 'good', cancelled: 'quiet', failed: 'bad' } as const;

export function JobPill({ state }: Pick<Job, 'state'>) {
  return <Pill tone={JOB_TONES[state]}>{state}</Pill>;
}
