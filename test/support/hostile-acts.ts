/** The acts of a handler with a hostile value, and random cases of them. */
import fc from 'fast-check';
import { Reject, type EventBus, type Logger, type Store } from '../../sdk';
import { HOSTILE, HOSTILE_RESULTS } from './hostile-values';

/** The services of a handler. */
export interface Tools {
  readonly log: Logger;
  readonly store: Store;
  readonly events: EventBus;
}

/** How the event of an act is settled: dead-lettered, handled, or one of the two, depending on the value. */
type End = 'dead' | 'handled' | 'either';

interface Act {
  readonly end: End;
  /** Performs the act, and returns the handler's return value. */
  act(value: unknown, tools: Tools): unknown;
}

const raise = (value: unknown): never => {
  throw value;
};

const ACTS: Readonly<Record<string, Act>> = {
  throws: { end: 'dead', act: raise },
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- authors reject with anything
  rejects: { end: 'dead', act: (value) => Promise.reject(value) },
  'throws later': { end: 'dead', act: (value) => Promise.resolve().then(() => raise(value)) },
  'throws it as the cause of a rejection': { end: 'dead', act: (value) => raise(new Reject('no', { cause: value })) },
  'returns a thenable that rejects': {
    end: 'dead',
    act: (value) => ({ then: (_: unknown, failed: (error: unknown) => void) => failed(value) }),
  },
  'returns a thenable that throws': { end: 'dead', act: (value) => ({ then: () => raise(value) }) },
  returns: { end: 'either', act: (value) => value },
  'resolves with': { end: 'either', act: async (value) => Promise.resolve(value) },
  'logs it as fields': {
    end: 'handled',
    act: (value, { log }) => {
      log.info('given', value as object);
      log.error('given', { err: value, list: [value], deep: { value } });
    },
  },
  'logs it as the message': {
    end: 'handled',
    act: (value, { log }) => {
      log.warn(value as string);
      log.debug(value as string, value as object);
    },
  },
  'throws it in an update': { end: 'dead', act: (value, { store }) => store.update('k', () => raise(value)) },
  'returns it from an update': {
    end: 'either',
    act: (value, { store }) => store.update('k', () => value).then(() => undefined),
  },
  'uses it as a key': { end: 'either', act: (value, { store }) => store.get(value as string).then(() => undefined) },
  publishes: {
    end: 'either',
    act: (value, { events }) => events.publish('badge.hostile', { value }).then(() => undefined),
  },
  'publishes it as the fields': {
    end: 'either',
    act: (value, { events }) => events.publish('badge.hostile', value as Record<string, unknown>).then(() => undefined),
  },
};

const WRAPS: Readonly<Record<string, (value: unknown) => unknown>> = {
  cause: (value) => new Error('outer', { cause: value }),
  aggregate: (value) => new AggregateError([value], 'several'),
  field: (value) => Object.assign(new TypeError('with a field'), { code: value, field: value }),
  array: (value) => [value],
  object: (value) => ({ message: value, name: value, stack: value, cause: value }),
  // Without `then`: a function there would be called and never settle, so the handler would never end.
  proxy: (value) => new Proxy(new Error('target'), { get: (_, name) => (name === 'then' ? undefined : value) }),
};

/** A case, as an event can carry it. */
export interface HostileCase {
  readonly value: string;
  readonly wraps: readonly string[];
  readonly act: string;
}

const VALUES = { ...HOSTILE, ...HOSTILE_RESULTS };

const hostileCases = fc.record<HostileCase>({
  value: fc.constantFrom(...Object.keys(VALUES)),
  wraps: fc.array(fc.constantFrom(...Object.keys(WRAPS)), { maxLength: 3 }),
  act: fc.constantFrom(...Object.keys(ACTS)),
});

/** How many cases are drawn. A longer run also tries every value with every act: JETPLUG_HOSTILE_CASES=5000. */
const DRAWN = Number(process.env['JETPLUG_HOSTILE_CASES'] ?? 0);

/** Every value as a thrown value, and random cases. A failure names its cases, so that they can be run alone. */
export function someCases(quickly: number): HostileCase[] {
  const acts = DRAWN > 0 ? Object.keys(ACTS) : ['throws'];
  const each = Object.keys(VALUES).flatMap((value) => acts.map((act) => ({ value, wraps: [], act })));
  return [...each, ...fc.sample(hostileCases, DRAWN > 0 ? DRAWN : quickly)];
}

/** The cases that were not settled as expected; `dead` holds those that were dead-lettered. */
export function wrongEnds(cases: readonly HostileCase[], dead: ReadonlySet<number>): string[] {
  return cases.flatMap((one, i) => {
    const end = dead.has(i) ? 'dead' : 'handled';
    return endOf(one) === 'either' || endOf(one) === end ? [] : [`${end}: ${JSON.stringify(one)}`];
  });
}

function endOf({ act }: HostileCase): End {
  return ACTS[act]!.end;
}

/** Called by the handler of a plugin, wherever that runs. */
export function perform({ value, wraps, act }: HostileCase, tools: Tools): unknown {
  const made = wraps.reduce((inner, wrap) => WRAPS[wrap]!(inner), VALUES[value]!());
  return ACTS[act]!.act(made, tools);
}
