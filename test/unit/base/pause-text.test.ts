import { lastsUntilResumed, pauseText, UNTIL_RESUMED } from '../../../host/base/pause-text';

test('a pause with an end shows it, and one without shows that it lasts until resumed', () => {
  expect(pauseText(new Date('2026-05-12T19:00:00Z'))).toBe('until 2026-05-12T19:00:00Z');
  expect(pauseText(new Date('2026-05-12T19:00:00.250Z'))).toBe('until 2026-05-12T19:00:00.250Z');
  expect(pauseText(UNTIL_RESUMED)).toBe('until resumed');
  expect([UNTIL_RESUMED, new Date('9998-12-31T00:00:00Z')].map(lastsUntilResumed)).toEqual([true, false]);
});
