/** Functions, by name, that create values which do harm when they are read, thrown, returned or logged. */
import { runInNewContext } from 'node:vm';
import { BatchFailure, JetplugError, Reject, RetryLater } from '../../sdk';

const trap = (): never => {
  throw new Error('trap');
};

const allTraps: ProxyHandler<object> = {
  get: trap,
  has: trap,
  ownKeys: trap,
  getPrototypeOf: trap,
  getOwnPropertyDescriptor: trap,
  set: trap,
  defineProperty: trap,
};

function revoked(target: object = {}): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

/** An error whose member throws when it is read. */
function withTrap(member: string, error: Error = new Error('trapped')): Error {
  return Object.defineProperty(error, member, { get: trap });
}

/** A member that is text at its first read, and throws at every later one. */
function changing(member: string): Error {
  let reads = 0;
  return Object.defineProperty(new Error('changing'), member, { get: () => (reads++ === 0 ? 'text' : trap()) });
}

function nested(depth: number): Error {
  let error: Error = new Error('innermost');
  for (let i = 0; i < depth; i++) error = new AggregateError([error], `level ${i}`);
  return error;
}

function caused(depth: number): Error {
  let error = new Error('first cause');
  for (let i = 0; i < depth; i++) error = new Error(`cause ${i}`, { cause: error });
  return error;
}

function circular(): Error {
  const error = Object.assign(new Error('circular'), { self: {} });
  error.self = error;
  error.cause = error;
  return error;
}

function changed(error: object, members: object): unknown {
  return Object.defineProperties(error, Object.getOwnPropertyDescriptors(members));
}

export const HOSTILE: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  'a bigint': () => 10n,
  'a symbol': () => Symbol('hostile'),
  'not a number': () => NaN,
  'an empty text': () => '',
  'a lone surrogate': () => '\ud800',
  'line breaks': () => 'a\r\nNats-Msg-Id: forged\r\n\r\n',
  'a text of 10 MB': () => 'x'.repeat(10_000_000),
  'an object without a prototype': () => Object.create(null) as object,
  'a throwing toString': () => ({ toString: trap, toJSON: trap, [Symbol.toPrimitive]: trap }),
  'a throwing getter': () => Object.defineProperty({}, 'x', { get: trap, enumerable: true }),
  'throwing traps': () => new Proxy({}, allTraps),
  'throwing traps around an error': () => new Proxy(new Error('behind'), allTraps),
  'throwing traps around a function': () => new Proxy(() => 1, allTraps),
  'a proxy that answers true to all': () => new Proxy({}, { get: () => true, has: () => true }),
  'a proxy of itself': () => new Proxy({}, { get: (_target, _name, self: unknown) => self, has: () => true }),
  'a revoked proxy': () => revoked(),
  'a revoked proxy of an error': () => revoked(new Error('gone')),
  'a revoked proxy of an array': () => revoked([]),
  'a proxy of an error': () => new Proxy(new TypeError('behind'), {}),
  'a circular object': () => {
    const object: Record<string, unknown> = {};
    return Object.assign(object, { object, list: [object] });
  },
  'an object of many fields': () => Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`field${i}`, i])),
  'an array of a million': () => new Array<number>(1_000_000).fill(0),
  'a map of itself': () => {
    const map = new Map<unknown, unknown>();
    return map.set(map, map);
  },
  'a typed array': () => new Float64Array(100_000),
  'an error': () => new TypeError('ordinary'),
  'a frozen error': () => Object.freeze(new Error('frozen')),
  'an error of another realm': () => runInNewContext('new RangeError("foreign")') as unknown,
  'a throwing message': () => withTrap('message'),
  'a throwing name': () => withTrap('name'),
  'a throwing stack': () => withTrap('stack'),
  'a throwing code': () => withTrap('code'),
  'a throwing cause': () => withTrap('cause'),
  'a throwing constructor': () => withTrap('constructor'),
  'a throwing field': () => Object.defineProperty(new Error('x'), 'field', { get: trap, enumerable: true }),
  'a message that changes': () => changing('message'),
  'a stack that changes': () => changing('stack'),
  'a message that is a number': () => changed(new Error(), { message: 1 }),
  'a name that is an object': () => changed(new Error('x'), { name: { toString: trap } }),
  'a stack that is an array': () => changed(new Error('x'), { stack: [] }),
  'a message of 10 MB': () => new Error('x'.repeat(10_000_000)),
  'a stack of 10 MB': () => changed(new Error('x'), { stack: '\n    at x (/x:1:1)'.repeat(500_000) }),
  'fields of 10 MB': () => Object.assign(new Error('x'), { code: 'x'.repeat(10_000_000) }),
  'a circular error': () => circular(),
  'a cause that throws': () => new Error('x', { cause: new Proxy({}, allTraps) }),
  'a cause that was revoked': () => new Error('x', { cause: revoked(new Error()) }),
  'a cause that is a circular object': () => new Error('x', { cause: { within: circular() } }),
  'causes 10,000 deep': () => caused(10_000),
  'aggregates 10,000 deep': () => nested(10_000),
  'an aggregate of revoked proxies': () => new AggregateError([revoked(), revoked(new Error())]),
  'an aggregate whose errors are a proxy': () => changed(new AggregateError([]), { errors: revoked([]) }),
  'an aggregate of 5,000': () => new AggregateError(Array.from({ length: 5_000 }, () => new Error('one'))),
  'an error of the catalogue, changed': () =>
    changed(new JetplugError('JP_INTERNAL', 'x'), { code: 'JP_NO_SUCH', with: undefined, toJSON: trap }),
  'the mark of an error of the catalogue': () => ({ [Symbol.for('jetplug.error')]: true, code: 'JP_INTERNAL' }),
  'a rejection': () => new Reject('never', { cause: new Proxy({}, allTraps) }),
  'a rejection whose message throws': () => withTrap('message', new Reject('never')),
  'a revoked proxy of a rejection': () => revoked(new Reject('never')),
  'a delay that is no number': () => changed(new RetryLater('1s'), { delayMs: 'soon' }),
  'a delay that is infinite': () => changed(new RetryLater('1s'), { delayMs: Infinity }),
  'a delay below zero': () => changed(new RetryLater('1s'), { delayMs: -1 }),
  'a delay that throws': () => withTrap('delayMs', new RetryLater('1s')),
  'a batch failure outside of a batch': () => new BatchFailure([{ index: 0, error: 'x' }]),
  'a batch failure without failures': () => changed(new BatchFailure([]), { failures: undefined }),
  'a batch failure whose failures throw': () => withTrap('failures', new BatchFailure([])),
  'a batch failure of revoked proxies': () => new BatchFailure([revoked() as never, revoked() as never]),
  'a batch failure in a batch failure': () =>
    new BatchFailure([{ index: 0, error: new BatchFailure([{ index: 0, error: withTrap('message') }]) }]),
  'a batch failure whose place is no place': () => new BatchFailure([{ index: 1e9, error: 'x' }]),
  'a batch failure whose error throws': () => new BatchFailure([{ index: 0, error: new Proxy({}, allTraps) }]),
};

/** Values that a handler may return instead of a promise, or resolve with. */
export const HOSTILE_RESULTS: Readonly<Record<string, () => unknown>> = {
  'a then that throws': () => Object.defineProperty({}, 'then', { get: trap }),
  'a then that rejects twice': () => ({
    then: (_done: unknown, failed: (error: unknown) => void) => {
      failed(new Error('first'));
      failed(new Error('second'));
    },
  }),
  'a then that resolves, rejects and throws': () => ({
    then: (done: (value: unknown) => void, failed: (error: unknown) => void) => {
      done(undefined);
      failed(new Error('late'));
      trap();
    },
  }),
  'a then that calls nothing and throws': () => ({ then: trap }),
  'a promise whose constructor throws': () => Object.defineProperty(Promise.resolve(), 'constructor', { get: trap }),
  'a promise whose then throws': () => Object.defineProperty(Promise.resolve(), 'then', { value: trap }),
  'a promise whose then calls back twice': () =>
    Object.defineProperty(Promise.resolve(), 'then', {
      value: (done: () => void, failed: (error: unknown) => void) => {
        done();
        failed(new Error('late'));
        done();
      },
    }),
  'a promise of a class whose then throws': () => {
    class Odd extends Promise<void> {
      override then(): never {
        return trap();
      }
    }
    return new Odd((resolve) => resolve());
  },
  'a promise of another realm': () =>
    runInNewContext('const p = Promise.reject(new Error("foreign")); p.catch(() => 1); p') as unknown,
  'a proxy of a promise': () => new Proxy(Promise.resolve(), {}),
  'a proxy of a rejection': () => new Proxy(Promise.resolve(), { get: trap }),
};
