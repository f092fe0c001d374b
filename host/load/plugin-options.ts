import { isSchema, JetplugError, type PluginMark, type PluginOptions } from '../../sdk/internal';

const OPTION_NAMES: readonly string[] = [
  'name',
  'description',
  'settings',
  'isolation',
  'processes',
] satisfies (keyof PluginOptions)[];

/**
 * Refuses `@Plugin` without parentheses, an option that it does not have, and settings that are no schema.
 * @throws JetplugError `JP_PLUGIN_OPTIONS`
 */
export function assertPluginOptions({ options, isBare }: PluginMark): void {
  if (isBare) throw new JetplugError('JP_PLUGIN_OPTIONS', '@Plugin has no parentheses', { hint: 'Write `@Plugin()`.' });
  const unknown = Object.keys(options).find((key) => !OPTION_NAMES.includes(key));
  if (unknown !== undefined) {
    const message = `@Plugin has no option ${JSON.stringify(unknown)}; it has ${OPTION_NAMES.join(', ')}`;
    throw new JetplugError('JP_PLUGIN_OPTIONS', message);
  }
  if (!options.settings || isSchema(options.settings)) return;
  throw new JetplugError(
    'JP_PLUGIN_OPTIONS',
    'settings is no schema; it is a Standard Schema, such as z.object({ … })',
  );
}
