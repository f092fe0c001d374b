type AnyFunction = (...args: never[]) => unknown;

/** Types that JSON cannot hold, or that are read as another type. */
export type NotJson =
  | Date
  | bigint
  | symbol
  | AnyFunction
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | RegExp
  | Error
  | PromiseLike<unknown>
  | ArrayBufferLike
  | ArrayBufferView;

/** Equals `T`, with `never` in place of each part that JSON cannot hold. */
type Json<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null
    ? T
    : T extends NotJson | undefined
      ? never
      : { [K in keyof T]: Member<T[K]> };

/** JSON leaves `undefined` out in a field. */
type Member<T> = T extends undefined ? undefined : Json<T>;

/** Whether JSON holds the values of a type, so that they are read as the type says. */
export type IsJson<T> = [T] extends [Json<T>] ? true : false;
