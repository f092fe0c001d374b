/** `jetplug debug` runs a plugin's file on a stored event, shows the effects, and writes nothing to the server. */
import { COUNTER, CountedEvents, type Debugged } from '../support/counted-events';
import { lineOf } from '../support/plugin-source';
import { Scene } from '../support/scene';
import { readStream } from '../support/stored';

const scene = new Scene();
let counted: CountedEvents;
beforeAll(async () => {
  counted = await CountedEvents.open(scene, { first: {}, second: {}, third: {} });
});
afterAll(() => scene.end());

test('a handled event runs with the store before it, by its id and by its place, and nothing is written', async () => {
  const created: string[] = [];
  const advisories = counted.nats.subscribe('$JS.EVENT.ADVISORY.CONSUMER.CREATED.>', {
    callback: (_, { subject }) => created.push(subject),
  });
  const before = await counted.everything();
  const results = await Promise.all([
    counted.count('second'),
    counted.count(`EVENTS:${counted.sequences.get('second')}`),
  ]);
  for (const result of results) {
    expect({ code: result.code, stderr: result.stderr }).toEqual({ code: 0, stderr: '' });
    const run = result.json<Debugged>();
    expect(run).toMatchObject({
      event: { stream: 'EVENTS', sequence: counted.sequences.get('second'), id: 'second', subject: 'video.counted' },
      ...{ plugin: 'counter', handler: 'count', file: counted.file, line: lineOf(COUNTER, 'async count') },
      store: { state: 'before-run', keys: 1, unknown: [] },
      ...{ outcome: 'handled', verdict: 'settled', afterCommit: true },
      changes: [{ key: 'u1', before: { value: 1 }, after: { value: 2 } }],
      events: [{ subject: 'badge.counted', payload: { user: 'u1', count: 2 } }],
    });
    expect(run.log.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'info counted',
      'warn after the commit',
    ]);
  }
  expect(await counted.everything()).toEqual(before);
  advisories.unsubscribe();
  expect(created).toEqual([]);
  const published = (await readStream(counted.nats, 'EVENTS')).filter(({ subject }) => subject === 'badge.counted');
  // The run derives the ids that the host has derived.
  expect(results[0].json<Debugged>().events[0]!.id).toBe(published[1]!.id);
});

test('the file runs as it is on disk, and an error shows its line', async () => {
  const failed = await counted.edited("context.log.info('counted', { count });", "throw new TypeError('broken');", () =>
    counted.count('second'),
  );
  const { outcome, verdict, changes, events: published, error } = failed.json<Debugged>();
  expect({ code: failed.code, outcome, verdict, changes, published }).toEqual({
    ...{ code: 1, outcome: 'failed', verdict: 'retried', changes: [], published: [] },
  });
  expect(error!.message).toBe('broken');
  expect(error!.stack).toContain(`${counted.file}:${lineOf(COUNTER, "context.log.info('counted'")}:`);
});
