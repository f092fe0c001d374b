/**
 * Converts a name to kebab-case: `UserPreferencesPlugin` → `user-preferences-plugin`, `P0` → `p0`. A dash is added only
 * before a capital that follows a lower-case letter.
 */
export function kebabCase(name: string): string {
  return name.replace(/([a-z])(?=[A-Z])/g, '$1-').toLowerCase();
}

/** The name of a plugin whose decorator gives none. */
export function pluginNameOf(className: string): string {
  return kebabCase(className.replace(/(?<=.)Plugin$/, ''));
}
