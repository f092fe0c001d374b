import type { HandlerStatus } from '../ops/status';

/** Returns a line about a handler whose runs often start again; none for any other handler. */
export function conflictText({ conflicts, conflictKey }: Pick<HandlerStatus, 'conflicts' | 'conflictKey'>): string[] {
  if (!conflictKey) return [];
  const { key, scope } = conflictKey;
  const where = scope === undefined ? `key ${key}` : `key ${key} of scope ${scope}`;
  return [
    `${conflicts} runs started again, because another run had changed a value that they had read; most often ${where}`,
  ];
}
