import { mergeStatuses } from '../../../host/ops/merge-statuses';

const NO_FAULTS = { lateErrors: 0, blocks: 0 };

function handler(name: string, handled: number, state = 'running') {
  return { handler: name, state, handled, failed: 1, retried: 2, deadLettered: 3, conflicts: 4 };
}

function plugin(name: string, state: string, ...handlers: ReturnType<typeof handler>[]) {
  return { plugin: name, state, faults: NO_FAULTS, handlers };
}

test('the figures of a plugin are summed over the hosts', () => {
  const one = { ...plugin('badge', 'running', handler('award', 3)), faults: { lateErrors: 1, blocks: 2 } };
  const other = { ...plugin('badge', 'running', handler('award', 4)), faults: { lateErrors: 10, blocks: 20 } };
  expect(mergeStatuses([[one], [other]])).toEqual([
    {
      ...plugin('badge', 'running', { ...handler('award', 7), failed: 2, retried: 4, deadLettered: 6, conflicts: 8 }),
      faults: { lateErrors: 11, blocks: 22 },
    },
  ]);
});

test('the worst state of a plugin and of a handler counts, in either order', () => {
  const well = plugin('badge', 'running', handler('award', 0));
  const ill = plugin('badge', 'waiting', handler('award', 0, 'waiting'));
  for (const answers of [
    [[well], [ill]],
    [[ill], [well]],
  ]) {
    const [merged] = mergeStatuses(answers);
    expect([merged!.state, merged!.handlers[0]!.state]).toEqual(['waiting', 'waiting']);
  }
});

test('a handler that only one host has is in the answer', () => {
  const [merged] = mergeStatuses([
    [plugin('badge', 'running', handler('award', 1))],
    [plugin('badge', 'running', handler('revoke', 2))],
  ]);
  expect(merged!.handlers.map(({ handler: name }) => name)).toEqual(['award', 'revoke']);
});

test('two files of one host with one name stay apart, the running one first, and plugins are ordered by name', () => {
  const answer = [plugin('b', 'failed'), plugin('b', 'running', handler('on', 1)), plugin('a', 'running')];
  const merged = mergeStatuses([answer, [plugin('b', 'running', handler('on', 2))]]);
  expect(merged.map(({ plugin: name, state }) => [name, state])).toEqual([
    ['a', 'running'],
    ['b', 'running'],
    ['b', 'failed'],
  ]);
  expect(merged[1]!.handlers[0]!.handled).toBe(3);
});

test('the hosts that take the events of a handler are listed, unless a host does not say it', () => {
  const on = (activeOn: string[]) => plugin('badge', 'running', { ...handler('award', 1), activeOn } as never);
  const [merged] = mergeStatuses([[on(['b:2'])], [on([])], [on(['a:1'])]]);
  expect(merged!.handlers[0]).toMatchObject({ activeOn: ['a:1', 'b:2'] });
  const [earlier] = mergeStatuses([[on(['b:2'])], [plugin('badge', 'running', handler('award', 1))]]);
  expect(earlier!.handlers[0]).toEqual({
    ...handler('award', 2),
    failed: 2,
    retried: 4,
    deadLettered: 6,
    conflicts: 8,
    activeOn: ['b:2'],
  });
});
