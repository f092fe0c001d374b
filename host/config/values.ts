import { MASK } from '../base/mask';
import type { Source } from './config';
import { isMap } from './formats';
import { isLeaf, type SchemaMap } from './key';
import type { WrittenConfig } from './load';
import { pluginSchema, schema } from './schema';
import { streamSchema } from './stream-keys';

/** One value of the config as people write it, with its source. A secret is masked. */
export interface ConfigValue {
  /** The keys that lead to the value. A stream has its name in brackets: `streams`, `[EVENTS]`, `maxAge`. */
  readonly keys: readonly string[];
  readonly value: unknown;
  readonly source: Source;
}

type Values = Readonly<Record<string, unknown>>;

/** Lists every value of the config that is set or has a default, in the order of the schema. */
export function configValues({ written, sourceOf }: WrittenConfig): ConfigValue[] {
  return mapValues(written, schema, []).map(({ keys, value }) => ({
    ...{ keys, value: masked(keys, value) },
    source: sourceOf(pathOf(keys)),
  }));

  function mapValues(values: Values, known: SchemaMap, above: readonly string[]): Found[] {
    const own = Object.entries(known).flatMap(([name, node]) => {
      const keys = [...above, name];
      if (node === schema.streams) return streamValues(keys);
      if (!isLeaf(node)) return mapValues(values[name] as Values, node, keys);
      if (node.format === 'settings') return settingValues(values[name], keys);
      return values[name] === null ? [] : [{ keys, value: node.sensitive ? MASK : values[name] }];
    });
    return known === schema.plugins ? [...own, ...sectionValues(above)] : own;
  }

  function streamValues(keys: readonly string[]): Found[] {
    if (written.streams.length === 0) return [{ keys, value: [] }];
    return written.streams.flatMap((stream) => mapValues(stream, streamSchema, [...keys, `[${stream.name}]`]));
  }

  function sectionValues(keys: readonly string[]): Found[] {
    return Object.entries(written.sections).flatMap(([name, one]) => mapValues(one, pluginSchema, [...keys, name]));
  }
}

/** The path of a value, such as `streams[EVENTS].maxAge`. */
export function pathOf(keys: readonly string[]): string {
  const isStream = keys[0] === 'streams' && keys.length > 1;
  return isStream ? [keys[0]! + keys[1]!, ...keys.slice(2)].join('.') : keys.join('.');
}

type Found = Pick<ConfigValue, 'keys' | 'value'>;

/** Each setting has a source of its own, because layers merge settings key by key. */
function settingValues(value: unknown, keys: readonly string[]): Found[] {
  if (value === null && keys.length === 3) return [];
  if (!isMap(value) || Object.keys(value).length === 0) return [{ keys, value }];
  return Object.entries(value).flatMap(([name, child]) => settingValues(child, [...keys, name]));
}

/** Only a plugin knows which of its settings are secret, so their names decide. */
const SECRET_NAME =
  /(?:password|passwd|passphrase|secret|token|credentials?|(?:api|access|private|signing)[-_]?key)s?$/i;

function masked(keys: readonly string[], value: unknown): unknown {
  const isSetting = keys[0] === 'plugins' && keys[2] === 'settings';
  return isSetting && value !== null && SECRET_NAME.test(keys.at(-1)!) ? MASK : withoutPasswords(value);
}

/** Masks the user and password of each address in a value, as in `postgres://user:password@db`. */
function withoutPasswords(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/(\/\/)[^\s/]+(?=@)/g, `$1${MASK}`);
  if (Array.isArray(value)) return value.map(withoutPasswords);
  if (!isMap(value)) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([name, child]) => [name, SECRET_NAME.test(name) ? MASK : withoutPasswords(child)]),
  );
}
