import { JetplugError, type Location } from '../../sdk/internal';
import type { Handler } from '../message/handler';

type Invoke = Handler['invoke'];

/** A middleware that can be called. */
export interface BuiltMiddleware {
  readonly name: string;
  call(...args: [...Parameters<Invoke>, () => Promise<undefined>]): unknown;
}

/** A handler's parts that a chain around it needs. */
export interface ChainedHandler {
  readonly plugin: string;
  readonly where: Location;
  /** @throws JetplugError `JP_RUN_OVER` if the call in which the caller runs has ended */
  assertLive(what: string): void;
}

/**
 * Puts middleware around a handler. The result is the handler's own value, so that the host can check it.
 * @param middleware the outermost first
 */
export function chain(middleware: readonly BuiltMiddleware[], handler: Invoke, of: ChainedHandler): Invoke {
  return middleware.reduceRight<Invoke>((rest, one) => around(one, rest, of), handler);
}

function around(middleware: BuiltMiddleware, rest: Invoke, of: ChainedHandler): Invoke {
  return async (event, context) => {
    const passage = new Passage(middleware.name, of, () => rest(event, context));
    let own: unknown;
    try {
      own = await middleware.call(event, context, () => passage.next());
    } catch (thrown) {
      passage.abandon();
      throw thrown;
    }
    return passage.end(own);
  };
}

/** One call of a middleware. */
class Passage {
  private rest: Rest | undefined;
  private restHasEnded = false;
  private hasEnded = false;
  private value: unknown;
  private misuse: JetplugError | undefined;

  constructor(
    private readonly name: string,
    private readonly of: ChainedHandler,
    private readonly callRest: () => unknown,
  ) {}

  next(): Promise<undefined> {
    if (this.rest || this.hasEnded) return this.refuse();
    this.rest = new Rest((resolve) => resolve(this.run()));
    this.rest.noteFailure();
    return this.rest;
  }

  /**
   * Ends the middleware, which has returned. A failure of the rest is the run's if the middleware did not look at it, or
   * returned before it: nobody else would notice the failure.
   * @returns the handler's value, or the middleware's own value if it has not called `next`
   */
  async end(own: unknown): Promise<unknown> {
    this.hasEnded = true;
    const { rest } = this;
    if (rest && !(rest.isObserved && this.restHasEnded)) await rest;
    if (this.misuse) throw this.misuse;
    return rest ? this.value : own;
  }

  /**
   * Ends the middleware, which has thrown. A failure of the rest that the middleware does not look at is reported as that
   * of any promise that a plugin leaves rejected.
   */
  abandon(): void {
    this.hasEnded = true;
    if (this.rest?.isObserved === false) void this.rest.finally();
  }

  private async run(): Promise<undefined> {
    try {
      this.of.assertLive('next');
      this.value = await this.callRest();
      return undefined;
    } finally {
      this.restHasEnded = true;
    }
  }

  private refuse(): Promise<never> {
    const { plugin, where } = this.of;
    const why = this.hasEnded ? 'after it had returned' : 'a second time';
    const error = new JetplugError('JP_MIDDLEWARE_NEXT', `the middleware ${this.name} called next() ${why}`, {
      plugin,
      ...where,
    });
    const refused = Promise.reject(error);
    if (this.hasEnded) return refused;
    // The end of the middleware throws the error, whether or not the middleware handles this promise.
    this.misuse = error;
    refused.catch(() => undefined);
    return refused;
  }
}

/** The promise that `next` returns. It notes whether the middleware awaits it. */
class Rest extends Promise<undefined> {
  isObserved = false;

  /** The promises that `then` returns are plain. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** Keeps a failure from being reported while the middleware still runs. Its end handles the failure. */
  noteFailure(): void {
    void super.then(undefined, () => undefined);
  }

  override then<A = undefined, B = never>(
    done?: ((value: undefined) => A | PromiseLike<A>) | null,
    failed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.isObserved = true;
    return super.then(done, failed);
  }
}
