import { TOKEN } from './token';

/**
 * A plugin's settings from the config, validated by the schema that the plugin declares.
 *
 * ```ts
 * const schema = z.object({ milestones: z.array(z.number()).default([1, 10]) });
 *
 * @Plugin({ settings: schema })
 * export class BadgePlugin {
 *   constructor(private readonly settings: Settings<z.infer<typeof schema>>) {}
 * }
 * ```
 *
 * The values are at `plugins.<name>.settings` of the config file.
 */
export class Settings<T> {
  static readonly [TOKEN] = 'settings';

  /** @param value the settings, after the schema's defaults and transforms */
  constructor(readonly value: Readonly<T>) {}
}
