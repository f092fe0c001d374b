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
import { openPage, startBrowser, violations, WIDE } from '../support/page/browser';
import { StaticServer } from '../support/page/static-server';

const PATHS = GROUPS.flatMap(({ pages }) => pages).map((page) => `/${sitePage(page).replace(/\.md$/, '.html')}`);
const NARROW = { width: 360, height: 640 };
/** Bounds a build that hangs. */
const BUILD_MS = 600_000;
/** Axe looks at every element of every page. */
const VISITS_MS = 600_000;
const VITEPRESS = join(ROOT, 'node_modules', 'vitepress', 'bin', 'vitepress.js');

let folder: string;
let server: StaticServer;
let browser: Browser;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'jetplug-site-'));
  const build = [VITEPRESS, 'build', 'docs', '--outDir', folder];
  await promisify(execFile)(process.execPath, build, { cwd: ROOT, timeout: BUILD_MS });
  [server, browser] = await Promise.all([StaticServer.start(folder), startBrowser()]);
}, BUILD_MS + 30_000);

afterAll(async () => {
  await browser.close();
  await server.stop();
  rmSync(folder, { recursive: true });
});

it('has every page of the sidebar, and no other', () => {
  const built = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'));
  expect(built.map((name) => `/${name}`).sort()).toEqual(['/404.html', ...PATHS].sort());
});

describe('every page', () => {
  it(
    'has a target for each link, fits a phone, breaks no accessibility rule, and requests nothing from elsewhere',
    async () => {
      const { page, errors } = await openPage(browser, server.origin);
      const requested = requestsOf(page);
      const targets = new LinkTargets();
      for (const path of PATHS) {
        await page.setViewportSize(WIDE);
        await visit(page, path);
        expect([path, await targets.missingOn(page)]).toEqual([path, []]);
        expect([path, await violations(page)]).toEqual([path, []]);
        await page.setViewportSize(NARROW);
        expect([path, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([path, NARROW.width]);
      }
      expect(errors).toEqual([]);
      expect(requested.filter((url) => !url.startsWith(`${server.origin}/`) && !url.startsWith('data:'))).toEqual([]);
      await page.context().close();
    },
    VISITS_MS,
  );

  it(
    'has enough contrast in dark colours',
    async () => {
      const { page } = await openPage(browser, server.origin, { theme: 'dark' });
      for (const path of PATHS) {
        await visit(page, path);
        expect([path, await violations(page, ['color-contrast'])]).toEqual([path, []]);
      }
      expect(await page.locator('html').getAttribute('class')).toBe('dark');
      await page.context().close();
    },
    VISITS_MS,
  );
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

/** The addresses that the page requests from now on. */
function requestsOf(page: Page): string[] {
  const urls: string[] = [];
  page.on('request', (request) => urls.push(request.url()));
  return urls;
}

/** Loads a page, and waits until its application runs. */
async function visit(page: Page, path: string): Promise<void> {
  await page.goto(server.origin + path);
  await page.waitForFunction('document.querySelector("#app").__vue_app__');
}

/** Asks the server for the targets of links, each once. */
class LinkTargets {
  private readonly known = new Map<string, Promise<string | undefined>>();

  async missingOn(page: Page): Promise<string[]> {
    const links = await page.evaluate<string[]>('[...document.querySelectorAll("a[href]")].map(({ href }) => href)');
    const internal = [...new Set(links)].filter((link) => link.startsWith(`${server.origin}/`));
    const answers = await Promise.all(internal.map(async (link) => ((await this.isThere(link)) ? [] : [link])));
    return answers.flat();
  }

  private async isThere(link: string): Promise<boolean> {
    const { pathname, hash } = new URL(link);
    const asked = this.known.get(pathname) ?? this.ask(pathname);
    this.known.set(pathname, asked);
    const text = await asked;
    return text !== undefined && (hash === '' || text.includes(`id="${decodeURIComponent(hash.slice(1))}"`));
  }

  private async ask(pathname: string): Promise<string | undefined> {
    const response = await fetch(server.origin + pathname);
    const text = await response.text();
    return response.ok ? text : undefined;
  }
}
