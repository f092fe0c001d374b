/** The links inside the docs have a target, and the files that the docs name exist. */
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { slugOf } from '../../docs/.vitepress/links';
import { PAGES, proseOf, ROOT, textOf } from '../support/markdown';

interface Link {
  readonly page: string;
  readonly target: string;
}

test.each(PAGES)('every link of %s has a target', (page) => {
  expect(linksOf(page).filter((link) => !leadsSomewhere(link))).toEqual([]);
});

test('every page of docs/ is linked in the README', () => {
  const linked = linksOf('README.md').map(({ target }) => target.split('#')[0]);
  expect(PAGES.filter((page) => page.startsWith('docs/') && !linked.includes(page))).toEqual([]);
});

test.each(PAGES)('the source files that %s names exist', (page) => {
  const named = textOf(page).match(/(?<![\w./-])(?:sdk|host|examples|test)\/[\w./-]+\.\w+/g) ?? [];
  expect(named.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});

test('headings become anchors as GitHub makes them', () => {
  const headings =
    '# Your first plugin, in `5` minutes\n## What’s [new](x.md)?\n### `sync_interval: always`\n## Options\n## Options';
  expect(anchorsOf(headings)).toEqual([
    'your-first-plugin-in-5-minutes',
    'whats-new',
    'sync_interval-always',
    'options',
    'options-1',
  ]);
});

/** But those to other sites, which are not ours to keep. */
function linksOf(page: string): Link[] {
  const targets = [...proseOf(page).matchAll(/\]\(([^()\s]+)\)/g)].map(([, target]) => target!);
  return targets.filter((target) => !/^https?:/.test(target)).map((target) => ({ page, target }));
}

function leadsSomewhere({ page, target }: Link): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(join(ROOT, file))) return false;
  return anchor === undefined || anchorsOf(proseOf(file)).includes(anchor);
}

function anchorsOf(text: string): string[] {
  const seen = new Map<string, number>();
  return [...text.matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading = '']) => {
    const slug = slugOf(heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1'));
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    return times === 0 ? slug : `${slug}-${times}`;
  });
}
