type Space = ' ' | '\t' | '\n' | '\r';

/** The fault of any subject, as a message; `never` for a subject without a fault. */
type AnyFault<S extends string> = S extends ''
  ? 'a subject is not empty'
  : S extends `${string}${Space}${string}`
    ? 'a subject has no white space'
    : S extends `.${string}` | `${string}.` | `${string}..${string}`
      ? 'a subject has no empty token: no dot at an end, no two dots in a row'
      : never;

type Reserved = `$${string}` | `_INBOX.${string}` | `dead.${string}` | `retry.${string}`;

/** The fault of a subject to publish on, as a message; `never` for a subject without a fault, or whose text is not known. */
export type PublishFault<S extends string> = [AnyFault<S>] extends [never]
  ? S extends `${string}${'*' | '>'}${string}`
    ? 'an event is published on a subject without wildcards'
    : S extends Reserved
      ? 'the subject is reserved for the server or the host'
      : never
  : AnyFault<S>;

type TokenFault<Token extends string, Rest extends string> = Token extends '*'
  ? never
  : Token extends '>'
    ? Rest extends ''
      ? never
      : 'the wildcard > stands at the end of a subject'
    : Token extends `${string}${'*' | '>'}${string}`
      ? 'a wildcard is a whole token, between dots'
      : never;

type TokensFault<S extends string> = S extends `${infer Token}.${infer Rest}`
  ? TokenFault<Token, Rest> | TokensFault<Rest>
  : TokenFault<S, ''>;

/** The fault of a subject to subscribe to, as a message; `never` for a subject without a fault, or whose text is not known. */
export type SubscribeFault<S extends string> = [AnyFault<S>] extends [never] ? TokensFault<S> : AnyFault<S>;
