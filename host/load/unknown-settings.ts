import type { StandardSchemaV1 } from '@standard-schema/spec';
import { isDeepStrictEqual } from 'node:util';

type Path = readonly (string | number)[];
type Map_ = Readonly<Record<string, unknown>>;

/** A key that the settings have and the schema does not read, with the keys that it does read there. */
export interface UnknownSetting {
  readonly path: Path;
  readonly known: readonly string[];
}

/**
 * The first key that the schema ignores. Most validators drop such keys without a word, so each key that is missing
 * in the result is tried with another value: one that the schema reads makes the result differ, or fail.
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

/** The keys that are in the settings and not in what the schema made of them. */
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
    return false; // the schema looked at the key
  }
}

/** The settings with a value that no schema expects at the path. */
function withOther(given: unknown, [key, ...rest]: Path): unknown {
  if (key === undefined) return Symbol('another value');
  if (Array.isArray(given)) return given.map((item: unknown, i) => (i === key ? withOther(item, rest) : item));
  return { ...(given as Map_), [key]: withOther((given as Map_)[key], rest) };
}

function isMap(value: unknown): value is Map_ {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
