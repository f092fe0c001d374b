import { isMap, type Format } from './formats';

/** A fault of a value. `what` continues a sentence that begins with the value's path. */
export interface Fault {
  /** The index of the list item with the fault; absent if the whole value has it. */
  readonly item?: number;
  readonly what: string;
  readonly hint: string | undefined;
}

/** Finds the faults of a value by its format. For a list, these are the faults of its items. */
export function faultsOf(value: unknown, format: Format, sensitive = false): Fault[] {
  const { items } = format;
  if (items && Array.isArray(value) && value.length > 0) {
    // A comma may have split a password, so one item that must be hidden hides all items.
    const hidden = sensitive || value.some(mayHoldPassword);
    return value.flatMap((item, i) => (items.accepts(item) ? [] : [{ item: i, ...fault(item, items, hidden) }]));
  }
  return format.accepts(value) ? [] : [fault(value, format, sensitive || mayHoldPassword(value))];
}

/** The type of a value in words, without its contents. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'string') return value.trim() === '' ? 'empty text' : 'text';
  return isMap(value) ? 'a map' : `a ${typeof value}`;
}

function fault(value: unknown, format: Format, hidden: boolean): Omit<Fault, 'item'> {
  const what = `is ${describe(value, hidden)}, but takes ${format.expected}`;
  const hint = value === null ? 'Write a value, or remove the key to leave it at its default.' : format.mend?.(value);
  return { what, hint };
}

const MAX_SHOWN = 60;

/**
 * Shows a single value if it may be shown, and else only its type. Lists and maps are not shown, because they may hold
 * secrets.
 */
function describe(value: unknown, hidden: boolean): string {
  if (typeof value === 'string' && value.trim() !== '') {
    if (hidden) return 'hidden text';
    return JSON.stringify(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value);
  }
  return !hidden && (typeof value === 'number' || typeof value === 'boolean') ? String(value) : kindOf(value);
}

/** Whether a text may hold a password, as the address of a server may: nats://user:password@host. */
function mayHoldPassword(value: unknown): boolean {
  return typeof value === 'string' && value.includes('@');
}
