import { JetplugError } from '../../../sdk/internal';
import { OpenCalls } from '../../../host/isolation/open-calls';
import type { Scope } from '../../../host/message/run';
import { OutcomeKnown } from '../../../host/message/outcome';

const error = new JetplugError('JP_PLUGIN_PROCESS_ENDED', 'gone');

function call(name: string, log: string[], isOver = false) {
  const scope = { isOver, begin: () => log.push(`${name} began`) } as unknown as Scope;
  return {
    method: name,
    scope,
    resolve: () => void log.push(`${name} resolved`),
    reject: (thrown: unknown) =>
      void log.push(`${name} rejected: ${thrown instanceof OutcomeKnown ? 'died' : String(thrown)}`),
  };
}

test('a call’s timeout counts from its begin, and its result settles it once', () => {
  const [calls, log]: [OpenCalls, string[]] = [new OpenCalls(), []];
  const [a, b] = [calls.add(call('a', log)), calls.add(call('b', log))];
  calls.begin(a);
  calls.end(a);
  calls.end(b, { thrown: undefined });
  calls.begin(a);
  expect(log).toEqual(['a began', 'a resolved', 'b rejected: undefined']);
  expect([calls.size, calls.has(a), calls.scopeOf(b)]).toEqual([0, false, undefined]);
});

test('the end of the worker fails the calls that had begun, and returns the others', () => {
  const [calls, log]: [OpenCalls, string[]] = [new OpenCalls(), []];
  calls.begin(calls.add(call('begun', log)));
  calls.add(call('over', log, true));
  const unstarted = calls.add(call('unstarted', log));
  expect(calls.close(error).map(({ method }) => method)).toEqual(['unstarted']);
  expect(log).toEqual(['begun began', 'begun rejected: died', 'over resolved']);
  expect(calls.has(unstarted)).toBe(false);
});

test('a call is overdue when its run has ended and it has no result', () => {
  const calls = new OpenCalls();
  calls.add(call('live', []));
  expect(calls.overdue()).toBeUndefined();
  const id = calls.add(call('late', [], true));
  expect(calls.overdue()).toMatchObject({ method: 'late' });
  calls.end(id);
  expect(calls.overdue()).toBeUndefined();
});
