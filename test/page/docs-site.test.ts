/** Builds the docs as a site, serves it on the loopback address, and visits every page in a browser. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { sitePage } from '../../docs/.vitepress/links';
import { GROUPS } from '../../docs/.vitepress/pages';
import { eventually } from '../support/eventually';
import { ROOT } from '../support/markdown';
import { openPage, PHONE, startBrowser, violations } from '../support/page/browser';
import { StaticServer } from '../support/page/static-server';

const PATHS = GROUPS.flatMap(({ pages }) => pages).map((page) => `/${sitePage(page).replace(/\.md$/, '.html')}`);
const VITEPRESS = join(ROOT, 'node_modules', 'vitepress', 'bin', 'vitepress.js');

let folder: string;
let server: StaticServer;
let browser: Browser;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'jetplug-site-'));
  await promisify(execFile)(process.execPath, [VITEPRESS, 'build', 'docs', '--outDir', folder], { cwd: ROOT });
  [server, browser] = await Promise.all([StaticServer.start(folder), startBrowser()]);
}, 300_000);

afterAll(async () => {
  await browser.close();
  await server.stop();
  rmSync(folder, { recursive: true });
});

it('has every page of the sidebar, and no other', () => {
  const built = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'));
  expect(built.map((name) => `/${name}`).sort()).toEqual(['/404.html', ...PATHS].sort());
});

it.each(['light', 'dark'] as const)(
  'loads every page without an error, a request to another origin, or a broken accessibility rule, %s',
  async (theme) => {
    const { page, errors } = await openPage(browser, server.origin, { theme });
    const requested: string[] = [];
    page.on('request', (request) => requested.push(request.url()));
    const broken: string[] = [];
    for (const path of PATHS) {
      await visit(page, path);
      broken.push(...(await violations(page)).map((text) => `${path}: ${text}`));
    }
    expect(broken).toEqual([]);
    expect(errors).toEqual([]);
    expect(requested.filter((url) => !url.startsWith(`${server.origin}/`) && !url.startsWith('data:'))).toEqual([]);
    expect(await page.locator('html').getAttribute('class')).toBe(theme === 'dark' ? 'dark' : '');
    await page.context().close();
  },
);

it('has a target for every link and anchor of every page', async () => {
  const { page } = await openPage(browser, server.origin);
  const dead: string[] = [];
  const followed = new Set<string>();
  for (const path of PATHS) {
    await visit(page, path);
    const links = await page.evaluate<string[]>('[...document.querySelectorAll("a[href]")].map(({ href }) => href)');
    const internal = links.filter((link) => link.startsWith(`${server.origin}/`));
    expect(internal.length).toBeGreaterThan(PATHS.length);
    for (const link of internal) {
      if (!followed.has(link) && !(await isThere(link))) dead.push(`${path}: ${link}`);
      followed.add(link);
    }
  }
  expect(dead).toEqual([]);
  expect([...followed]).toContain(`${server.origin}/source/config/default.yaml.txt`);
  await page.context().close();
});

it('shows the copies of the source files as text', async () => {
  const { page } = await openPage(browser, `${server.origin}/source/config/default.yaml.txt`);
  expect(await page.locator('body').innerText()).toBe(readFileSync(join(ROOT, 'config/default.yaml'), 'utf8'));
  await page.context().close();
});

it('finds the page about dead letters by a search, and opens it', async () => {
  const { page, errors } = await openPage(browser, server.origin);
  await visit(page, '/index.html');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('searchbox').fill('dead letter');
  const found = page.getByRole('option', { name: 'Retries and dead letters' }).first();
  await found.waitFor();
  expect(await violations(page)).toEqual([]);
  await found.click();
  await page.waitForURL(`${server.origin}/dead-letters.html*`);
  expect(await page.locator('main h1').innerText()).toContain('Retries and dead letters');
  expect(errors).toEqual([]);
  await page.context().close();
});

it('goes to a heading of another page', async () => {
  const { page } = await openPage(browser, server.origin);
  await visit(page, '/index.html');
  await page.locator('main').getByRole('link', { name: 'poison or outage' }).click();
  await page.waitForURL(`${server.origin}/dead-letters.html#poison-or-outage`);
  await page.locator('main h1', { hasText: 'Retries and dead letters' }).waitFor();
  const isVisible = `(({ top }) => top >= 0 && top < innerHeight)(document.querySelector('#poison-or-outage').getBoundingClientRect())`;
  await eventually(() => page.evaluate<boolean>(isVisible));
  await page.context().close();
});

it.each([PHONE, { width: 360, height: 640 }])('fits a width of $width pixels', async (viewport) => {
  const { page } = await openPage(browser, server.origin, { viewport });
  for (const path of PATHS) {
    await visit(page, path);
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    expect([path, overflow]).toEqual([path, 0]);
  }
  await page.context().close();
});

/** Loads a page, and waits until its scripts have been loaded and have run. */
async function visit(page: Page, path: string): Promise<void> {
  await page.goto(server.origin + path, { waitUntil: 'networkidle' });
  await page.locator('main h1').waitFor();
}

async function isThere(link: string): Promise<boolean> {
  const { pathname, hash } = new URL(link);
  const response = await fetch(server.origin + pathname);
  const text = await response.text();
  return response.ok && (hash === '' || text.includes(`id="${decodeURIComponent(hash.slice(1))}"`));
}
