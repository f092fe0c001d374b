import { JetplugError } from '../../../sdk/internal';
import { chain, type BuiltMiddleware } from '../../../host/load/middleware-chain';

type Next = Parameters<BuiltMiddleware['call']>[2];

const WHERE = { file: '/plugins/badge.plugin.ts', line: 7 };
let steps: string[];
beforeEach(() => (steps = []));

/** Calls a chain around a handler with an event that is not read. */
async function run(
  middleware: readonly ((next: Next) => unknown)[],
  handler: () => unknown = () => void steps.push('handler'),
  assertLive: (what: string) => void = () => undefined,
): Promise<unknown> {
  const built = middleware.map((call, index): BuiltMiddleware => ({
    name: `m${index}`,
    call: (_event, _context, next) => call(next),
  }));
  return chain(built, handler, { plugin: 'badge', where: WHERE, assertLive })({} as never, {} as never);
}

const noted =
  (name: string) =>
  async (next: Next): Promise<void> => {
    steps.push(`${name} begins`);
    await next();
    steps.push(`${name} ends`);
  };

test('without middleware the chain is the handler itself', () => {
  const handler = () => undefined;
  expect(chain([], handler, { plugin: 'badge', where: WHERE, assertLive: () => undefined })).toBe(handler);
});

test('the first middleware is the outermost', async () => {
  await run([noted('a'), noted('b')]);
  expect(steps).toEqual(['a begins', 'b begins', 'handler', 'b ends', 'a ends']);
});

test('every middleware and the handler get the event and the context', async () => {
  const given: unknown[] = [];
  const first: BuiltMiddleware = {
    name: 'first',
    call: (event, context, next) => (given.push(event, context), next()),
  };
  const [event, context] = [{ event_id: 'e1' }, { attempt: 1 }];
  const handler = (...args: unknown[]) => void given.push(...args);
  await chain([first], handler, { plugin: 'badge', where: WHERE, assertLive: () => undefined })(
    event as never,
    context as never,
  );
  expect(given).toEqual([event, context, event, context]);
});

test('a middleware that does not call next skips the handler', async () => {
  expect(await run([() => undefined])).toBeUndefined();
  expect(steps).toEqual([]);
});

test('the result is the handler’s, so that the host can check it; without the handler it is the middleware’s', async () => {
  expect(await run([async (next) => next()], () => 'lazy')).toBe('lazy');
  expect(await run([() => 'own'])).toBe('own');
});

test('an error of the handler passes through the middleware, which may handle it', async () => {
  const fails = () => {
    throw new RangeError('not today');
  };
  await expect(run([noted('a')], fails)).rejects.toThrow(RangeError);
  const handles = async (next: Next) => {
    await next().catch((error: unknown) => steps.push((error as Error).message));
  };
  await run([handles], fails);
  expect(steps).toEqual(['a begins', 'not today']);
});

test('an error of a middleware fails the call, also after the handler', async () => {
  const before = () => {
    throw new Error('before');
  };
  const after = async (next: Next) => {
    await next();
    throw new Error('after');
  };
  await expect(run([before])).rejects.toThrow('before');
  expect(steps).toEqual([]);
  await expect(run([after])).rejects.toThrow('after');
  expect(steps).toEqual(['handler']);
});

test('a handler that is not awaited is awaited, and its failure counts', async () => {
  let end!: (error?: Error) => void;
  const ended = () => new Promise<void>((resolve, reject) => (end = (error) => (error ? reject(error) : resolve())));
  const forgetful = (next: Next) => void next();
  const succeeding = run([forgetful], ended);
  await Promise.resolve();
  end();
  await succeeding;
  const failing = run([forgetful], ended);
  await Promise.resolve();
  end(new Error('late'));
  await expect(failing).rejects.toThrow('late');
  const observed = run([(next) => void next().catch(() => undefined)], ended);
  await Promise.resolve();
  end(new Error('later'));
  await expect(observed).rejects.toThrow('later');
});

test('a failure that is not awaited counts although the middleware ends after it', async () => {
  const busy = async (next: Next) => {
    void next();
    await new Promise((resolve) => setImmediate(resolve));
  };
  const fails = () => {
    throw new Error('early');
  };
  await expect(run([busy], fails)).rejects.toThrow('early');
});

test('a second call of next is an error, even if the middleware handles it, and the handler is called once', async () => {
  const twice = async (next: Next) => {
    await next();
    await next().catch(() => undefined);
  };
  const error = await run([twice]).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(JetplugError);
  expect(error).toMatchObject({ code: 'JP_MIDDLEWARE_NEXT', plugin: 'badge', ...WHERE });
  expect((error as Error).message).toBe('the middleware m0 called next() a second time');
  expect(steps).toEqual(['handler']);
});

test('a call of next after the middleware has returned is an error, and does not call the handler', async () => {
  let kept!: Next;
  await run([(next) => void (kept = next)]);
  await expect(kept()).rejects.toThrow('the middleware m0 called next() after it had returned');
  expect(steps).toEqual([]);
});

test('a call of next after the run has ended does not call the handler', async () => {
  const over = () => {
    throw new JetplugError('JP_RUN_OVER', 'next was called too late');
  };
  await expect(run([async (next) => next()], undefined, over)).rejects.toMatchObject({ code: 'JP_RUN_OVER' });
  expect(steps).toEqual([]);
});
