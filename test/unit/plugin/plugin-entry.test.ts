import { runningState, type PluginState } from '../../../host/plugin/plugin-entry';

type HandlerStates = Parameters<typeof runningState>[0][number]['state'][];

test.each<[what: string, states: HandlerStates, expected: PluginState]>([
  ['without handlers runs', [], 'running'],
  ['whose handlers all run is running', ['running', 'running'], 'running'],
  ['with one paused handler is paused', ['running', 'paused', 'running'], 'paused'],
  ['with one waiting handler is waiting', ['running', 'waiting'], 'waiting'],
  ['with a paused and a waiting handler is waiting', ['paused', 'waiting'], 'waiting'],
])('a plugin %s', (_what, states, expected) => {
  expect(runningState(states.map((state) => ({ state })))).toBe(expected);
});
