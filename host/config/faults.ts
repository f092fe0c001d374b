import { isMap, type Format } from './formats';

/** What is wrong with a value, as it continues the path that the value stands at. */
export interface Fault {
  /** Which item of a list it is about; absent: the whole value. */
  readonly item?: number;
  readonly what: string;
  readonly hint: string | undefined;
}

/** What is wrong with a value by its format: item by item, where it is a list. */
export function faultsOf(value: unknown, format: Format, sensitive = false): Fault[] {
  const { items } = format;
  if (items && Array.isArray(value) && value.length > 0) {
    // A comma can have cut a password in two: one that must be hidden hides all.
    const hidden = sensitive || value.some(mayHoldPassword);
    return value.flatMap((item, i) => (items.accepts(item) ? [] : [{ item: i, ...fault(item, items, hidden) }]));
  }
  return format.accepts(value) ? [] : [fault(value, format, sensitive || mayHoldPassword(value))];
}

/** What sort of value it is, with nothing of what it holds. */
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

/** The value, if it is a single one that may be shown: what is in a list or a map may be anything. */
function describe(value: unknown, hidden: boolean): string {
  if (typeof value === 'string' && value.trim() !== '') {
    if (hidden) return 'text that is not shown';
    return JSON.stringify(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value);
  }
  return !hidden && (typeof value === 'number' || typeof value === 'boolean') ? String(value) : kindOf(value);
}

/** A server's address can hold one: nats://user:password@host. */
function mayHoldPassword(value: unknown): boolean {
  return typeof value === 'string' && value.includes('@');
}
