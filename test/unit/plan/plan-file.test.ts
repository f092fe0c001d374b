import { assertCurrent, parsePlanFile, planFile } from '../../../host/plan/plan-file';
import type { PlannedChange, Step } from '../../../host/plan/change';
import { DURABLE } from '../../support/durable-spec';

const ABOUT = { kind: 'durable', name: 'badge-award', stream: 'EVENTS', impact: '', atStart: true } as const;
const CONFIG = { max_waiting: 10, metadata: { 'jetplug.deployment': 'jetplug' } };

function step(change: PlannedChange['change'], found?: object, wanted: object = DURABLE): Step {
  return { change: { ...ABOUT, change }, target: { kind: 'durable', found, wanted } } as unknown as Step;
}

const found = (config: object = {}, created = '2026-05-12'): object => ({ created, config: { ...CONFIG, ...config } });

function outcome(before: Step, now: Step): string {
  try {
    assertCurrent(planFile('jetplug', [before]), 'jetplug', [now]);
    return 'current';
  } catch (error) {
    return (error as Error).message;
  }
}

test.each<[what: string, before: Step, now: Step, expected: string]>([
  ['the same change', step('update', found()), step('update', found()), 'current'],
  [
    'keys in another order, metadata of the server, and a pause',
    step('update', found()),
    step('update', {
      config: { metadata: { '_nats.ver': '2.12', ...CONFIG.metadata }, pause_until: '2030-01-01', max_waiting: 10 },
      created: '2026-05-12',
    }),
    'current',
  ],
  ['a change in two steps that was killed between both', step('recreate', found()), step('create'), 'current'],
  [
    'other settings on the server',
    step('update', found()),
    step('update', found({ max_waiting: 5 })),
    'has been changed',
  ],
  ['an asset that was created again', step('update', found()), step('update', found({}, '2027')), 'has been changed'],
  ['an asset that is gone', step('update', found()), step('create'), 'in another way now (update then, create now)'],
  [
    'other wanted settings',
    step('create'),
    step('create', undefined, { ...DURABLE, ackWaitMs: 1 }),
    'is to get other settings now',
  ],
])('%s', (_what, before, now, expected) => {
  expect(outcome(before, now)).toContain(expected);
});

test.each([
  ['{', 'Expected property name'],
  ['null', 'its format is undefined'],
  ['{"format":2}', 'its format is 2, not 1'],
  ['{"format":1}', 'its changes are missing'],
  ['{"format":1,"deployment":"jetplug","changes":[null]}', 'one of its changes has no kind or no name'],
])('%s is no plan', (text, why) => {
  expect(() => parsePlanFile(text, 'plan.json')).toThrow(
    expect.objectContaining({ code: 'JP_PLAN_FILE_INVALID', message: expect.stringContaining(why) }),
  );
});
