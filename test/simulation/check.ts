import { summarise, type DeadLetterSummary } from '../../host/ops/dead-letter-summary';
import { CHECKPOINT_KEY } from '../../host/records/commits/checkpoint';
import { copiesOf, KEYED } from './plugins';
import type { Planned, Schedule } from './schedule';
import type { World } from './world';

/** The fate that an event must have in a handler. `either`: it has its effect or a dead letter, and not both. */
type Fate = 'effect' | 'letter' | 'either';

/** The events of a handler, by the number that its lists hold, in the order of the stream. */
type Inputs = ReadonlyMap<number, { readonly n: number; readonly key: string; readonly sequence: number }>;

/** Compares what the hosts have left at the broker with what they must leave. */
export function check(world: World, schedule: Schedule, published: readonly Planned[]): void {
  const ticks = inputsOf(world, 'sim.tick', ({ n }) => Number(n));
  const tocks = inputsOf(world, 'sim.tock', ({ n, copy }) => Number(n) * 10 + Number(copy));
  const kinds = new Map(published.map(({ n, kind }) => [n, kind]));
  for (const { n } of published) if (!ticks.has(n)) world.violate('no-event-lost', `event ${n} is not in its stream`);
  for (const plugin of schedule.plugins) {
    const inputs = plugin === 'sums' ? tocks : ticks;
    const lists = new Lists(world, plugin, inputs, (n) => fateOf(plugin, kinds.get(n)!));
    lists.checkLetters();
    if (plugin !== 'relay') lists.check(KEYED.includes(plugin));
    if (plugin === 'relay') checkEmits(world, ticks, 'sim.tock', copiesOf);
    if (plugin === 'points') {
      checkEmits(world, ticks, 'sim.point', () => 1);
      for (const n of ticks.keys())
        if (!world.worked.has(n)) world.violate('no-event-lost', `points: the after-commit work of ${n} is not done`);
    }
  }
}

function fateOf(plugin: string, kind: Planned['kind']): Fate {
  if (plugin === 'flaky' || plugin === 'series')
    return kind === 'poison' || kind === 'reject' ? 'letter' : kind === 'hiccup' ? 'either' : 'effect';
  return plugin === 'slow' && kind === 'stuck' ? 'letter' : 'effect';
}

function inputsOf(world: World, subject: string, idOf: (fields: Readonly<Record<string, unknown>>) => number): Inputs {
  const messages = world.stored.filter((message) => message.subject === subject);
  return new Map(
    messages.map(({ fields, sequence }) => [
      idOf(fields),
      { n: Number(fields['n']), key: String(fields['key']), sequence },
    ]),
  );
}

/** Checks that each event has caused as many events on a subject as it must. */
function checkEmits(world: World, ticks: Inputs, subject: string, copies: (n: number) => number): void {
  const counts = new Map<string, number>();
  for (const { subject: on, fields } of world.stored) {
    if (on !== subject) continue;
    const name = `${String(fields['n'])}.${String((fields['copy'] as number | undefined) ?? 0)}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const n of ticks.keys()) {
    for (let copy = 0; copy < copies(n); copy++) {
      const count = counts.get(`${n}.${copy}`) ?? 0;
      if (count === 0) world.violate('no-event-lost', `${subject} of event ${n} was not published`);
      if (count > 1) world.violate('effect-once', `${subject} of event ${n} was published ${count} times`);
    }
  }
}

/** The lists of event numbers that a plugin keeps in its store. */
class Lists {
  constructor(
    private readonly world: World,
    private readonly plugin: string,
    private readonly inputs: Inputs,
    private readonly fateOf: (n: number) => Fate,
  ) {}

  /** An event that no handler fails at must have no dead letter, whatever the broker and the hosts do. */
  checkLetters(): void {
    const { plugin, world } = this;
    for (const { sequence, error } of this.letters) {
      const input = [...this.inputs.values()].find((one) => one.sequence === sequence);
      if (input && this.fateOf(input.n) === 'effect') {
        world.violate('no-fault', `${plugin}: event ${input.n} has a dead letter: ${error}`);
      }
    }
  }

  check(isOrdered: boolean): void {
    const { plugin, inputs, world } = this;
    const lists = this.read();
    const letters = this.letters.map(({ sequence }) => sequence);
    const found = new Map<number, number>();
    for (const [key, list] of lists) {
      if (key === 'all' || key.startsWith('first')) continue;
      for (const id of list) found.set(id, (found.get(id) ?? 0) + 1);
      const inOrder = [...inputs].filter(([id, input]) => input.key === key && list.includes(id)).map(([id]) => id);
      if (isOrdered && list.join() !== inOrder.join() && new Set(list).size === list.length) {
        world.violate('key-order', `${plugin} handled ${list.join()} of ${key}, and the stream has ${inOrder.join()}`);
      }
    }
    for (const [id, { n, sequence }] of inputs) {
      this.checkOne(id, found.get(id) ?? 0, letters.filter((one) => one === sequence).length, this.fateOf(n));
    }
    this.checkOthers(lists, found);
  }

  private checkOne(id: number, effects: number, letters: number, fate: Fate): void {
    const { plugin, world } = this;
    const has = `${effects} effects and ${letters} dead letters`;
    if (effects > 1 || letters > 1 || (effects === 1 && letters === 1)) {
      world.violate('effect-once', `${plugin}: event ${id} has ${has}`);
    } else if (effects + letters === 0) world.violate('no-event-lost', `${plugin}: event ${id} has ${has}`);
    else if (fate === 'letter' && effects > 0) {
      world.violate('no-fault', `${plugin}: event ${id} has ${has}`);
    }
  }

  /** The lists that a run changes besides must hold the same events. */
  private checkOthers(lists: ReadonlyMap<string, readonly number[]>, found: ReadonlyMap<number, number>): void {
    const { plugin, world } = this;
    const expected = [...found]
      .flatMap(([id, count]) => Array<number>(count).fill(id))
      .sort(byNumber)
      .join();
    const others = { counter: 'all', slow: 'all', points: 'first' }[plugin];
    if (others === undefined) return;
    const list = [...lists].filter(([key]) => key.startsWith(others)).flatMap(([, ids]) => ids);
    const text = list.sort(byNumber).join();
    if (text !== expected)
      world.violate('effect-once', `${plugin}: ${others} has ${text}, and the keys have ${expected}`);
  }

  /** Reads the bucket, as any client of the broker sees it. */
  private read(): Map<string, readonly number[]> {
    const { entries } = this.world.broker.bucket(`jetplug-${this.plugin}`);
    const lists = new Map<string, readonly number[]>();
    for (const [key, { value }] of entries) {
      if (value !== undefined && key !== CHECKPOINT_KEY) lists.set(key, JSON.parse(value) as number[]);
    }
    return lists;
  }

  private get letters(): DeadLetterSummary[] {
    return this.world.broker.letters.map((letter) => summarise(letter)).filter(({ plugin }) => plugin === this.plugin);
  }
}

function byNumber(a: number, b: number): number {
  return a - b;
}
