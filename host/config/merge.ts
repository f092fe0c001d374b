import convict from 'convict';
import type { Draft } from './draft';
import { pluginSchema, schema, streamSchema } from './schema';

/** The configuration with all layers merged and defaults filled in, as people write it. */
export type Written = ReturnType<typeof merge>;

/**
 * Merges what a draft holds: convict fills in the defaults and takes the variables over the files,
 * and its strict validation stands behind all that the checks let through.
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
        // Convict would leave keys such as `constructor` out of settings, which are the plugin's own affair.
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

/** Under `plugins` stand the host's own keys and, by their names, the plugins' sections. */
function splitSections(plugins: Record<string, unknown>) {
  const entries = Object.entries(plugins);
  const isOwn = ([key]: [string, unknown]): boolean => Object.hasOwn(schema.plugins, key);
  return {
    ownKeys: Object.fromEntries(entries.filter(isOwn)),
    sections: Object.fromEntries(entries.filter((entry) => !isOwn(entry))) as Record<string, Record<string, unknown>>,
  };
}
