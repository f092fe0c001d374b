/** The docs as a site: the sidebar, and the paths of pages, sources and anchors. `test/page` visits the built site. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { siteLink, sitePage, slugOf, type Look } from '../../docs/.vitepress/links';
import { GROUPS } from '../../docs/.vitepress/pages';
import { ROOT } from '../support/markdown';

const listed = GROUPS.flatMap(({ pages }) => pages);
const look: Look = (path) => (path.includes('.') ? 'file' : path === 'nothing' ? undefined : 'folder');

test('every page of docs/ is in the sidebar', () => {
  const pages = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`);
  expect(pages.filter((page) => !listed.includes(page))).toEqual([]);
});

test('every page of the sidebar exists, stands there once, and has a heading', () => {
  expect(listed.filter((page) => !existsSync(join(ROOT, page)))).toEqual([]);
  expect(new Set(listed).size).toBe(listed.length);
  expect(listed.filter((page) => !/^# \S/m.test(readFileSync(join(ROOT, page), 'utf8')))).toEqual([]);
});

test('the README is the start page, and the folder docs/ is the root of the site', () => {
  expect(['README.md', 'docs/events.md', 'docs/design/commit-log.md', 'CHANGELOG.md'].map(sitePage)).toEqual([
    'index.md',
    'events.md',
    'design/commit-log.md',
    'changelog.md',
  ]);
});

test('a link to a page becomes one from the root of the site, with its anchor', () => {
  expect(siteLink('README.md', 'docs/plugins.md#options', look)).toEqual({ kind: 'page', href: '/plugins.md#options' });
  expect(siteLink('docs/plugins.md', 'events.md', look)).toEqual({ kind: 'page', href: '/events.md' });
  expect(siteLink('docs/plugins.md', '../README.md#more', look)).toEqual({ kind: 'page', href: '/index.md#more' });
});

test('a link to a file of the repository leads to its copy as text', () => {
  expect(siteLink('docs/operating.md', '../config/default.yaml', look)).toEqual({
    kind: 'source',
    file: 'config/default.yaml',
    href: '/source/config/default.yaml.txt',
  });
});

test('a link to a folder is only text, and one to nothing is an error', () => {
  expect(siteLink('docs/testing.md', '../test', look)).toEqual({ kind: 'folder' });
  expect(() => siteLink('docs/testing.md', '../nothing', look)).toThrow('docs/testing.md links to ../nothing');
});

test('links to other sites and within the page stay as they are', () => {
  const targets = ['https://nats.io', 'mailto:a@example.org', '#options'];
  expect(targets.map((target) => siteLink('README.md', target, look).kind)).toEqual(Array(3).fill('unchanged'));
});

test('an anchor keeps letters, digits and underscores of its heading', () => {
  expect(slugOf(' Beside other people’s streams: `a_b`, 2nd ')).toBe('beside-other-peoples-streams-a_b-2nd');
});
