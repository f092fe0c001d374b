import { Later } from '../../../host/message/later';
import { pipeline } from '../../../host/message/pipeline';

interface Item {
  readonly name: string;
  readonly path: string[];
  outcome: object | undefined;
}

type Done = Item & { readonly outcome: object };

const item = (name = 'a'): Item => ({ name, path: [], outcome: undefined });
const walk =
  (step: string) =>
  (record: Item): Item => {
    record.path.push(step);
    return record;
  };
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Sets the outcome. */
function finish(record: Item): Done {
  record.path.push('finish');
  record.outcome = {};
  return record as Done;
}

test('a record that meets no promise is finished when run returns', () => {
  const steps = pipeline<Item, Done>().step(walk('one')).step(finish).conclude(walk('end'));
  const record = item();
  expect(steps.cleanUp(walk('clean up')).run(record)).toBeUndefined();
  expect(record.path).toEqual(['one', 'finish', 'end', 'clean up']);
});

test('a record with an outcome skips the steps before the conclusion', () => {
  const stop = (record: Item): Item | Done => (record.name === 'bad' ? finish(record) : record);
  const steps = pipeline<Item, Done>()
    .step(stop)
    .step(walk('work'))
    .step(finish)
    .conclude(walk('judge'))
    .step(walk('settle'))
    .cleanUp(() => undefined);
  const [good, bad] = [item('good'), item('bad')];
  void steps.run(good);
  void steps.run(bad);
  expect(good.path).toEqual(['work', 'finish', 'judge', 'settle']);
  expect(bad.path).toEqual(['finish', 'judge', 'settle']);
});

test('continues after a promise, and after a Later in the turn in which its value arrives', async () => {
  let resolve!: () => void;
  const later = new Later<Item>();
  const steps = pipeline<Item, Done>()
    .step((record: Item) => new Promise<Item>((done) => (resolve = () => done(record))))
    .step((record: Item) => (record.name === 'a' ? later : record))
    .step(finish)
    .conclude(walk('end'))
    .cleanUp(() => undefined);
  const record = item();
  const ran = steps.run(record);
  resolve();
  await turn();
  expect(record.path).toEqual([]);
  later.resolve(() => record);
  expect(record.path).toEqual(['finish', 'end']);
  await ran;
});

describe('a step that fails', () => {
  const failing: [string, () => Promise<Item> | Later<Item>][] = [
    [
      'at once',
      () => {
        throw new Error('broken');
      },
    ],
    ['by a promise', () => Promise.reject(new Error('broken'))],
    [
      'by a Later',
      () => {
        const later = new Later<Item>();
        setImmediate(() =>
          later.resolve(() => {
            throw new Error('broken');
          }),
        );
        return later;
      },
    ],
  ];
  test.each(failing)('%s ends the run with its error, and the record is cleaned up once', async (_when, fail) => {
    const first = jest.fn((record: Item) => Promise.resolve(record));
    const steps = pipeline<Item, Done>()
      .step(first)
      .step(fail)
      .step(finish)
      .conclude(walk('end'))
      .cleanUp(walk('clean up'));
    const record = item();
    await expect(steps.run(record)).rejects.toThrow('broken');
    expect(record.path).toEqual(['clean up']);
  });
});

describe('records that run together', () => {
  function setUp(
    joint: (records: readonly Item[]) => unknown,
    prepare: (record: Item) => unknown = (record) => record,
  ) {
    const journal: string[] = [];
    const note =
      (step: string) =>
      (record: Item): Item => {
        journal.push(`${step} ${record.name}`);
        return record;
      };
    const steps = pipeline<Item, Done>()
      .step(note('count'))
      .apart(({ name }) => name.startsWith('apart'))
      .step((record: Item) => prepare(note('prepare')(record)) as Item | Done)
      .joint(note('joint of one'), (records) => {
        journal.push(`joint ${records.map(({ name }) => name).join('+')}`);
        return joint(records);
      })
      .step((record: Item): Done => {
        note('publish')(record);
        return Object.assign(record, { outcome: {} });
      })
      .conclude(note('settle'))
      .cleanUp(() => undefined);
    return { journal, steps };
  }

  test('take each step alone except the joint step, and settle when all records have passed it', () => {
    const { journal, steps } = setUp(() => undefined);
    void steps.runTogether([item('a'), item('b')]);
    expect(journal).toEqual([
      'count a',
      'count b',
      'prepare a',
      'prepare b',
      'joint a+b',
      'publish a',
      'publish b',
      'settle a',
      'settle b',
    ]);
  });

  test('wait for a joint step that starts later', async () => {
    const later = new Later<readonly Item[]>();
    const { journal, steps } = setUp(() => later);
    const ran = steps.runTogether([item('a')]);
    await turn();
    expect(journal.at(-1)).toBe('joint a');
    later.resolve(() => []);
    await ran;
    expect(journal.at(-1)).toBe('settle a');
  });

  test('settle before the joint step if they have an outcome, and do not join it', () => {
    const { journal, steps } = setUp(
      () => undefined,
      (record) => (record.name === 'bad' ? Object.assign(record, { outcome: {} }) : record),
    );
    void steps.runTogether([item('bad'), item('a')]);
    expect(journal.slice(2)).toEqual(['prepare bad', 'settle bad', 'prepare a', 'joint a', 'publish a', 'settle a']);
    journal.length = 0;
    void steps.runTogether([item('bad')]);
    expect(journal).toEqual(['count bad', 'prepare bad', 'settle bad']);
  });

  test('leave the batch if they must run alone or have an outcome, and are returned when the batch has ended', async () => {
    const { journal, steps } = setUp(() => undefined);
    const apart = await steps.runTogether([Object.assign(item('ended'), { outcome: {} }), item('apart'), item('a')]);
    expect(journal).toEqual(['count apart', 'count a', 'prepare a', 'joint a', 'publish a', 'settle a']);
    expect(apart.map(({ name }) => name)).toEqual(['ended', 'apart']);
  });
});
