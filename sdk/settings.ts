import { TOKEN } from './token';

/** Distinguishes `Settings`, for types only, from other classes with a `value`. */
declare const SETTINGS: unique symbol;

/** The type of the settings that a constructor's parameter asks for; `never` for any other parameter. */
export type SettingsIn<Parameter> = typeof SETTINGS extends keyof Parameter
  ? Parameter extends { readonly value: Readonly<infer T> }
    ? T
    : never
  : never;

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
  declare readonly [SETTINGS]?: T;

  /** @param value the settings, after the schema's defaults and transforms */
  constructor(readonly value: Readonly<T>) {}
}
