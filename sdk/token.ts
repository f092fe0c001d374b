/** Marks the classes that the host provides, whichever copy of this package a plugin was built with. */
export const TOKEN: unique symbol = Symbol.for('jetplug.token') as never;

/** What the host can give to a plugin's constructor. */
export type TokenName = 'bus' | 'store' | 'logger' | 'settings' | 'clock';

/** Which of the host's services a constructor parameter's type names, if any. */
export function tokenOf(type: unknown): TokenName | undefined {
  return typeof type === 'function' ? (type as { [TOKEN]?: TokenName })[TOKEN] : undefined;
}
