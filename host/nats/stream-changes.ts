import type { ServerStreamConfig } from './client';
import { covers, formatDuration } from '../../sdk/internal';
import { formatSize } from '../config/size';
import type { StreamSettings } from './wanted-streams';

/** A setting of a stream on the server that differs from the config. */
export interface StreamChange {
  /** The server's name of the setting, such as `max_age`. */
  readonly field: string;
  /** The value on the server as readable text, such as `7d`. */
  readonly from: string;
  readonly to: string;
}

/** Settings that the server does not change in place. */
const FIXED: readonly string[] = ['storage', 'retention'];

/**
 * Settings that the server keeps on a sealed stream. It accepts an update of them without an error, and does not change
 * them.
 */
const KEPT_WHEN_SEALED: readonly string[] = ['max_age', 'discard', 'deny_delete', 'allow_rollup_hdrs'];

/** The config's names for the server's fields. */
const CONFIG_NAMES: Readonly<Record<string, string>> = {
  max_age: 'maxAge',
  max_bytes: 'maxBytes',
  duplicate_window: 'duplicateWindow',
  num_replicas: 'replicas',
};

/**
 * Returns the settings of a stream that differ from the config and that the server can change, without the mark of the
 * deployment.
 */
export function changesOf(wanted: StreamSettings, actual: ServerStreamConfig): StreamChange[] {
  const fields = Object.keys(wanted) as (keyof StreamSettings)[];
  return fields
    .filter((field) => !isSame(wanted[field], actual[field]))
    .filter((field) => !(actual.sealed && KEPT_WHEN_SEALED.includes(field)))
    .map((field) => changeOf(field, actual[field], wanted[field]));
}

function changeOf(field: string, actual: unknown, wanted: unknown): StreamChange {
  const [from, to] = [valueText(field, actual), valueText(field, wanted)];
  // Two sizes may look alike when they are rounded; then the exact numbers are shown.
  return from === to ? { field, from: String(actual), to: String(wanted) } : { field, from, to };
}

/** Returns the changes that the server refuses. */
export function fixedChanges(changes: readonly StreamChange[]): StreamChange[] {
  return changes.filter(({ field }) => FIXED.includes(field));
}

/** Returns a change as a text such as `maxAge 7d → 1h`. */
export function changeText({ field, from, to }: StreamChange): string {
  return `${configName(field)} ${from} → ${to}`;
}

/** Returns the name of a setting in the config, or the server's own name of a setting that the config does not have. */
export function configName(field: string): string {
  return CONFIG_NAMES[field] ?? field;
}

/** Returns the subjects of a stream; none for a mirror, which has no subjects. */
export function subjectsOf(config: { readonly subjects?: readonly string[] }): readonly string[] {
  return config.subjects ?? [];
}

/** Whether the stream's subjects cover all of these subjects. */
export function coversAll(streamSubjects: readonly string[], subjects: readonly string[]): boolean {
  return droppedSubjects(subjects, streamSubjects).length === 0;
}

/** Returns the subjects that the stream would no longer hold, at least in part. */
export function droppedSubjects(before: readonly string[], after: readonly string[]): string[] {
  return before.filter((subject) => !after.some((next) => covers(next, subject)));
}

function isSame(wanted: unknown, actual: unknown): boolean {
  if (Array.isArray(wanted) && Array.isArray(actual)) {
    return JSON.stringify(wanted.map(String).sort()) === JSON.stringify(actual.map(String).sort());
  }
  // The server leaves out fields that are false.
  return JSON.stringify(wanted) === JSON.stringify(actual ?? (wanted === false ? false : undefined));
}

function valueText(field: string, value: unknown): string {
  if (field === 'max_age' && value === 0) return 'unlimited';
  if (field === 'max_age' || field === 'duplicate_window') return formatDuration(Math.round(Number(value ?? 0) / 1e6));
  if (field === 'max_bytes') return Number(value ?? -1) < 0 ? 'unlimited' : formatSize(Number(value));
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(' ');
  return value === undefined ? 'absent' : typeof value === 'string' ? value : JSON.stringify(value);
}
