import { takersText } from '../../../host/cli/takers-text';
import { refuseUntaken, type Takers } from '../../../host/ops/takers';
import type { JetplugError } from '../../../sdk/internal';

const NOBODY: Takers = { from: 'hosts', takes: [], later: [], never: [], stream: 'EVENTS' };

function refusal(takers: Partial<Takers>): JetplugError | undefined {
  try {
    refuseUntaken('a.b', { ...NOBODY, ...takers });
    return undefined;
  } catch (error) {
    return error as JetplugError;
  }
}

test('an event that a handler takes now or later is not refused', () => {
  expect(refusal({ takes: ['p.h'] })).toBeUndefined();
  expect(refusal({ later: [{ handler: 'p.h', why: 'its circuit is open' }] })).toBeUndefined();
});

test('the refusal suggests the intended subject before anything else', () => {
  expect(refusal({ meant: 'a.bc' })).toMatchObject({
    code: 'JP_PUBLISH_NO_HANDLER',
    message: 'no handler takes a.b: did you mean a.bc?',
    hint: expect.stringContaining('Publish on a.bc'),
  });
});

test('the refusal names the handler that would take the event, and why it does not', () => {
  const never = [{ handler: 'p.h', why: 'it failed: no database' }];
  expect(refusal({ never })?.message).toBe('no handler takes a.b: p.h would, but it failed: no database');
  expect(refusal({ never })?.hint).toMatch(/^Mend that first.*--force/);
});

test('a subject without a stream is refused with the advice of the host', () => {
  const { stream: _, ...nowhere } = NOBODY;
  const takers = { ...nowhere, advice: 'add a.> to the subjects of a stream' };
  expect(() => refuseUntaken('a.b', takers)).toThrow(
    expect.objectContaining({ code: 'JP_PUBLISH_NO_STREAM', hint: 'Add a.> to the subjects of a stream.' }),
  );
});

test('the text counts the handlers and gives each reason', () => {
  expect(takersText({ ...NOBODY, takes: ['p.h'] })).toEqual(['  1 handler takes it: p.h']);
  const later = [{ handler: 'p.i', why: 'its circuit is open' }];
  expect(takersText({ ...NOBODY, takes: ['p.h', 'q.h'], later, meant: 'a.bc' })).toEqual([
    '  2 handlers take it: p.h, q.h',
    '  p.i gets it later: its circuit is open',
    '  no handler subscribes to exactly this subject; did you mean a.bc?',
  ]);
  expect(takersText({ ...NOBODY, from: 'files', takes: ['p.h'] })).toEqual([
    '  no host runs (start one with npx jetplug start); 1 handler takes it as soon as one runs: p.h',
  ]);
});
