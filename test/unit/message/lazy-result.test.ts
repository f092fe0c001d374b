import { lazyResultError } from '../../../host/message/lazy-result';

const handler = { plugin: 'badge', name: 'award', where: { file: '/p/badge.plugin.ts', line: 12 } };
const nothing = (): void => undefined;

function* generator(): Generator<number> {
  yield 1;
}
async function* asyncGenerator(): AsyncGenerator<number> {
  yield Promise.resolve(1);
}

/** The form of generators that compilers emit for old engines. */
const compiled = { next: nothing, throw: nothing, return: nothing, [Symbol.iterator]: nothing };
const compiledAsync = { next: nothing, throw: nothing, return: nothing, [Symbol.asyncIterator]: nothing };

test.each<[string, unknown, string]>([
  ['a generator', generator(), 'a generator'],
  ['an async generator', asyncGenerator(), 'a generator'],
  ['a compiled generator', compiled, 'a generator'],
  ['a compiled async generator', compiledAsync, 'a generator'],
  [
    'a lazy iterator',
    { next: nothing, [Symbol.iterator]: nothing, [Symbol.toStringTag]: 'Iterator Helper' },
    'a generator',
  ],
  ['an Observable', { subscribe: nothing, pipe: nothing }, 'an Observable'],
  ['an object with an observable mark', { '@@observable': nothing }, 'an Observable'],
  ['a function', nothing, 'a function'],
  ['an async function', async () => Promise.resolve(), 'a function'],
  ['a class', class {}, 'a function'],
])('a handler that returns %s fails, as nobody runs it', (_, value, kind) => {
  expect(lazyResultError(handler, value)).toMatchObject({
    code: 'JP_HANDLER_RETURNED_LAZY',
    message: `badge.award returned ${kind}, which nobody runs: the event is not handled`,
    file: '/p/badge.plugin.ts',
    line: 12,
  });
});

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['a number', 1],
  ['a text', 'text'],
  ['an array', [1, 2]],
  ['a map', new Map([[1, 2]])],
  ['the values of a map', new Map([[1, 2]]).values()],
  ['an object', { next: 1, subscribe: 'monthly' }],
  ['a client of a broker', { subscribe: nothing, publish: nothing }],
  ['an emitter', { subscribe: nothing, emit: nothing }],
  [
    'a proxy that throws on each read',
    new Proxy(
      {},
      {
        get: () => {
          throw new Error('trap');
        },
      },
    ),
  ],
])('a handler may return %s', (_, value) => {
  expect(lazyResultError(handler, value)).toBeUndefined();
});
