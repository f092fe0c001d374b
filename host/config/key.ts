import type { FormatName } from './formats';

/** A key that holds a value. */
export interface Leaf<T = unknown> {
  readonly doc: string;
  readonly format: FormatName | readonly string[];
  readonly default: T;
  /** The variable that sets the key: JETPLUG_ and the key's path, without `credentials`. */
  readonly env?: string;
  /** Whether the value null means that the key is not set. */
  readonly nullable?: true;
  /** Whether the value is a secret, which messages never show. */
  readonly sensitive?: true;
  /** The keys of each entry of a list of maps. */
  readonly children?: SchemaMap;
}

/** A key that holds further keys. */
export interface SchemaMap {
  readonly [key: string]: Leaf | SchemaMap;
}

/** The values of a map of keys, as people write them. */
export type WrittenValues<Keys> = {
  -readonly [Key in keyof Keys]: Keys[Key] extends { readonly default: infer Value } ? Value : WrittenValues<Keys[Key]>;
};

export function isLeaf(node: Leaf | SchemaMap): node is Leaf {
  return 'default' in node;
}

/** Declares a key for a secret text, which is not set by default and is never shown. */
export function secret(doc: string, env: string) {
  return { ...optional(doc, 'text', env), sensitive: true as const };
}

/** Declares a key for a text that is not set by default. */
export function optional(doc: string, format: 'text' | 'path' | 'token' | 'subjectPrefix', env: string) {
  return { doc, format, default: null as string | null, nullable: true as const, env };
}
