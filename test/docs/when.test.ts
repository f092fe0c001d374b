/** The figures of docs/when.md are those of the pages that they come from. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVICES } from '../../examples/synchronous-baseline';
import { ROOT, rowsOf, textOf } from '../support/markdown';

const FIGURES: readonly [page: string, figures: readonly string[]][] = [
  [
    'docs/story.md',
    ['1.99 s', '2.23 s', '20 ms', '46 ms', '532 ms', '54 of 54', '0 of 8', '10.44 s', '40 of 40', '7.1 ms', '3.42 s'],
  ],
  ['docs/story.md', ['465 ms']],
  ['docs/performance.md', ['0.547', '70,200', '162']],
  ['docs/reliability.md', ['4,606 sums']],
  ['docs/tracing.md', ['1,000,000 events', '1.0 s']],
];

test.each(FIGURES)('the figures that docs/when.md takes from %s are there', (page, figures) => {
  const [when, source] = [textOf('docs/when.md'), textOf(page)];
  expect(figures.filter((figure) => !when.includes(figure) || !source.includes(figure))).toEqual([]);
});

test('the synchronous caller knows six services, and the video service one contract and no plugin', () => {
  const [, known] = rowsOf('docs/when.md').find(([question]) => question!.includes('Coupling'))!;
  expect(known).toContain(`${SERVICES.length} services`);
  const source = readFileSync(join(ROOT, 'examples/video-service.ts'), 'utf8');
  expect(source.match(/^import .*plugins\/.*$/gm)).toEqual([
    "import { VideoWatchStarted } from '../plugins/contracts/streaming';",
  ]);
});
