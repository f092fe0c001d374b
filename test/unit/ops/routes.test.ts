import { mergeRoutes, type Route, type Routes, type Unreached } from '../../../host/ops/routes';

const route = (plugin: string): Route => ({ plugin, handler: 'h', subject: 's', stream: 'S', durable: `${plugin}-h` });
const unreached = (plugin: string, waits: boolean): Unreached => ({
  ...route(plugin),
  reason: waits ? 'waiting' : 'failed',
  why: '',
  waits,
});
const answer = (receives: Route[], others: Unreached[]): Routes => ({ subject: 's', stream: 'S', receives, others });

test('a handler that receives in one host is a receiver; one that waits in one host receives later', () => {
  const one = answer([route('a')], [unreached('b', true), unreached('c', false)]);
  const other = answer([], [unreached('a', false), unreached('b', false), unreached('c', false)]);
  for (const answers of [
    [one, other],
    [other, one],
  ]) {
    expect(mergeRoutes(answers)).toEqual(answer([route('a')], [unreached('b', true), unreached('c', false)]));
  }
});
