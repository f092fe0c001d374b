import convict from 'convict';
import type { Draft } from './draft';
import { pluginSchema, schema } from './schema';
import { streamSchema } from './stream-keys';

/** The configuration with all layers merged and defaults filled in, as people write it. */
export type Written = ReturnType<typeof merge>;

/**
 * Merges the layers of a draft. Convict fills in the defaults and prefers variables to files. Its strict validation is
 * a second check of the values that the first checks accepted.
 */
export function merge(draft: Draft) {
  const { plugins = {}, ...rest } = draft.files as { plugins?: Record<string, unknown> };
  const { ownKeys, sections } = splitSections(plugins);
  const host = convict(schema, { env: draft.variables, args: [] });
  host.load({ ...rest, plugins: ownKeys });
  for (const [path, value] of draft.flags) host.set(path, value);
  const properties = host.validate({ allowed: 'strict' }).getProperties();
  return {
    ...properties,
    streams: properties.streams.map((stream) => fill(streamSchema, stream)),
    sections: Object.fromEntries(
      Object.entries(sections).map(([name, { settings, ...section }]) => [
        name,
        // Convict would drop keys such as `constructor`, which the plugin's settings may have.
        { ...fill(pluginSchema, section), settings: settings ?? null },
      ]),
    ),
  };
}

function fill<T>(entrySchema: convict.Schema<T>, entry: object) {
  const filled = convict(entrySchema, { env: {}, args: [] });
  filled.load(entry);
  return filled.validate({ allowed: 'strict' }).getProperties();
}

/** Separates the host's own keys below `plugins` from the sections of plugins. */
function splitSections(plugins: Record<string, unknown>) {
  const entries = Object.entries(plugins);
  const isOwn = ([key]: [string, unknown]): boolean => Object.hasOwn(schema.plugins, key);
  return {
    ownKeys: Object.fromEntries(entries.filter(isOwn)),
    sections: Object.fromEntries(entries.filter((entry) => !isOwn(entry))) as Record<string, Record<string, unknown>>,
  };
}
