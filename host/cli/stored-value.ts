import { layOut } from '../base/json-text';
import { terminalText } from '../base/utf8';
import { unescapeKey } from '../effects/store-keys';

/** The name of a value, as plugins use it. */
export interface ValueName {
  readonly key: string;
  readonly scope?: string;
}

/** A value of a store. */
export interface StoredValue extends ValueName {
  /** The stored text. It is JSON, unless another program wrote it. */
  readonly text: string;
}

/** The values that a command shows. */
export interface FoundValues {
  readonly values: readonly StoredValue[];
  /** The keys whose value is not known. */
  readonly unknown: readonly ValueName[];
}

/** Returns the values in the order of their keys. */
export function foundValues(texts: ReadonlyMap<string, string>, unknown: readonly string[] = []): FoundValues {
  const values = [...texts].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    values: values.map(([escaped, text]): StoredValue => ({ ...unescapeKey(escaped), text })),
    unknown: [...unknown].sort().map(unescapeKey),
  };
}

/** Returns a JSON object with the value. Copies the stored text, because parsing it could change its numbers. */
export function valueJson({ text, ...where }: StoredValue): string {
  return withMember(where, textMember(text));
}

/** Returns the JSON of an object, with another member that is JSON already. */
export function withMember(object: object, member: string): string {
  const json = JSON.stringify(object);
  return `${json.slice(0, -1)}${json === '{}' ? '' : ','}${member}}`;
}

/** Returns a member of a JSON object with the stored text: `value`, or `text` if it is not JSON. */
export function textMember(text: string): string {
  return isJson(text) ? `"value":${text}` : `"text":${JSON.stringify(text)}`;
}

/** Returns the value on one line. */
export function shownText(text: string): string {
  return terminalText(isJson(text) ? layOut(text) : JSON.stringify(text));
}

export function shownName({ key, scope }: ValueName): string {
  return terminalText(scope === undefined ? key : `${scope}: ${key}`);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // Another program wrote it; it is shown as text.
  }
}
