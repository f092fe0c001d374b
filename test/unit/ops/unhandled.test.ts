import type { Connection } from '../../../host/nats/connection';
import { mergeUnhandled, unhandledEvents, unhandledTotals, type UnhandledIn } from '../../../host/ops/unhandled';

/** A host with the numbers of stored events by stream and subject, and with the subjects of its handlers. */
function hostWith(streams: Record<string, Record<string, number>>, filters: readonly string[]): UnhandledIn {
  const info = (name: string, options?: object) => {
    const subjects = streams[name]!;
    const state = { num_subjects: Object.keys(subjects).length, ...(options && { subjects }) };
    return Promise.resolve({ state });
  };
  return {
    plugins: { definitions: [{ handlers: filters.map((subject) => ({ subject })) }] } as never,
    connection: {
      requests: { askApi: (request: string) => info(request.slice('STREAM.INFO.'.length)) },
      jsm: { streams: { info } },
    } as unknown as Connection,
    streams: Object.keys(streams).map((name) => ({ name })),
  };
}

test('events are counted if no handler covers their subject, with or without wildcards', async () => {
  const host = hostWith({ EVENTS: { 'a.b': 3, 'a.c': 1, 'd.e': 7 }, MORE: { 'x.y': 2, 'x.y.z': 9 } }, ['a.*', 'x.y']);
  expect(await unhandledEvents(host)).toEqual({
    subjects: [
      { stream: 'MORE', subject: 'x.y.z', events: 9 },
      { stream: 'EVENTS', subject: 'd.e', events: 7 },
    ],
    more: 0,
    notCompared: [],
  });
  expect(await unhandledTotals(host)).toEqual(
    new Map([
      ['EVENTS', 7],
      ['MORE', 9],
    ]),
  );
});

test('the answer lists the subjects with the most events, and counts the others', async () => {
  const counts = Object.fromEntries(Array.from({ length: 700 }, (_, i) => [`s.${i}`, i + 1]));
  const { subjects, more } = await unhandledEvents(hostWith({ EVENTS: counts }, []));
  expect([subjects.length, more]).toEqual([500, 200]);
  expect(subjects[0]).toEqual({ stream: 'EVENTS', subject: 's.699', events: 700 });
});

test('a stream with too many subjects is not listed', async () => {
  const counts = Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`s.${i}`, 1]));
  const host = hostWith({ EVENTS: counts }, []);
  expect(await unhandledEvents(host)).toEqual({
    subjects: [],
    more: 0,
    notCompared: [{ stream: 'EVENTS', subjects: 10_001 }],
  });
  expect(await unhandledTotals(host)).toEqual(new Map());
});

test('a subject that a handler of another host takes is not listed', () => {
  const each = (subject: string) => ({ stream: 'EVENTS', subject, events: 1 });
  const [one, other] = [
    { subjects: [each('a'), each('b')], more: 0, notCompared: [] },
    { subjects: [each('b'), each('c')], more: 0, notCompared: [] },
  ];
  expect(mergeUnhandled([one, other]).subjects).toEqual([each('b')]);
  expect(mergeUnhandled([])).toEqual({ subjects: [], more: 0, notCompared: [] });
});
