import type { StandardSchemaV1 } from '@standard-schema/spec';
import { isDeepStrictEqual } from 'node:util';

type Path = readonly (string | number)[];
type Map_ = Readonly<Record<string, unknown>>;

/** A key of the settings that the schema does not read, with the keys that it reads there. */
export interface UnknownSetting {
  readonly path: Path;
  readonly known: readonly string[];
}

/**
 * Finds the first key of the settings that the schema ignores. Most validators drop unknown keys silently. So each key
 * that is missing in the result is validated again with another value. If the schema reads the key, the result differs
 * or fails.
 */
export async function unknownSetting(
  schema: StandardSchemaV1,
  given: unknown,
  valid: unknown,
): Promise<UnknownSetting | undefined> {
  for (const { path, known } of dropped(given, valid, [])) {
    if (await isIgnored(schema, withOther(given, path), valid)) return { path, known };
  }
  return undefined;
}

/** The keys that the settings have and the schema's result lacks. */
function dropped(given: unknown, valid: unknown, at: Path): UnknownSetting[] {
  if (Array.isArray(given) && Array.isArray(valid)) {
    return given.flatMap((item, i) => dropped(item, valid[i], [...at, i]));
  }
  if (!isMap(given) || !isMap(valid)) return [];
  return Object.entries(given).flatMap(([key, value]) => {
    const path = [...at, key];
    return Object.hasOwn(valid, key) ? dropped(value, valid[key], path) : [{ path, known: Object.keys(valid) }];
  });
}

async function isIgnored(schema: StandardSchemaV1, other: unknown, valid: unknown): Promise<boolean> {
  try {
    const result = await schema['~standard'].validate(other);
    return !result.issues && isDeepStrictEqual(result.value, valid);
  } catch {
    return false; // the schema read the key
  }
}

/** Returns the settings with another value at the path, which no schema accepts. */
function withOther(given: unknown, [key, ...rest]: Path): unknown {
  if (key === undefined) return Symbol('another value');
  if (Array.isArray(given)) return given.map((item: unknown, i) => (i === key ? withOther(item, rest) : item));
  return { ...(given as Map_), [key]: withOther((given as Map_)[key], rest) };
}

function isMap(value: unknown): value is Map_ {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
