import fc from 'fast-check';
import { Claims, unheld } from '../../../examples/demo/claims';
import { answersInFull, figuresOf, percentile, readableAnswers, readableMs } from '../../../examples/demo/figures';
import { parseMetrics } from '../../../examples/demo/metrics';
import { Screen } from '../../../examples/demo/screen';

describe('percentile', () => {
  test('is the smallest measured value with at least this percentage of the values at or below it', () => {
    const some = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(some, fc.integer({ min: 1, max: 100 }), (values, percent) => {
        const found = percentile(values, percent);
        const share = (limit: number): number => values.filter((value) => value <= limit).length / values.length;
        expect(values).toContain(found);
        expect(share(found)).toBeGreaterThanOrEqual(percent / 100);
        for (const smaller of values.filter((value) => value < found))
          expect(share(smaller)).toBeLessThan(percent / 100);
      }),
    );
  });

  test('of 100 values is the 50th and the 99th', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([percentile(values, 50), percentile(values, 99)]).toEqual([50, 99]);
  });
});

test('figures count the answers by status, and have the message of the first failure', () => {
  const answer = (status: number, tookMs: number, message: string) => ({ status, tookMs, message });
  const figures = figuresOf([
    answer(200, 1.04, 'ok'),
    answer(502, 3, 'ml failed'),
    answer(502, 4, ''),
    answer(200, 2, 'ok'),
  ]);
  expect(figures).toEqual({ p50Ms: 2, p99Ms: 4, answers: { 200: 2, 502: 2 }, failure: 'ml failed' });
  expect(readableAnswers(figures)).toBe('2 × 200, 2 × 502');
  expect(answersInFull(figures)).toBe('2 × 200, 2 × 502: ml failed');
});

test('times are shown with three digits', () => {
  expect([6.44, 181.6, 1908].map(readableMs)).toEqual(['6.4 ms', '182 ms', '1.91 s']);
});

test('metrics are read by handler, and other metrics are skipped', () => {
  const text = [
    '# TYPE jetplug_handled_total counter',
    'jetplug_handled_total{plugin="badge",handler="award"} 12',
    'jetplug_handled_total{plugin="ranking",handler="count"} 7',
    'jetplug_dead_lettered_total{plugin="badge",handler="award"} 1',
    'jetplug_pending{plugin="badge",handler="award"} 3',
    'jetplug_in_flight{plugin="badge",handler="award"} 2',
    'jetplug_retried_total{plugin="badge",handler="award"} 9',
    'jetplug_connected 1',
  ].join('\n');
  expect(parseMetrics(text)).toEqual([
    { plugin: 'badge', handler: 'award', handled: 12, deadLettered: 1, pending: 3, inFlight: 2 },
    { plugin: 'ranking', handler: 'count', handled: 7, deadLettered: 0, pending: 0, inFlight: 0 },
  ]);
});

describe('claims', () => {
  test('that hold give no message', () => {
    const claims = new Claims(new Screen(true));
    claims.check('all were handled', true, '40 of 40');
    expect(claims.all).toEqual([{ claim: 'all were handled', held: true }]);
    expect(unheld(claims.all, ['something else'])).toBeUndefined();
  });

  test('that do not hold are reported with the observation, and with the errors of the host', () => {
    const claims = new Claims(new Screen(true));
    claims.check('all were handled', false, '39 of 40');
    claims.check('none was lost', true, 'none');
    expect(unheld(claims.all, ['a plugin fails'])).toBe(
      '1 of 2 claims did not hold:\n  all were handled (39 of 40)\nthe host said:\n  a plugin fails',
    );
  });
});
