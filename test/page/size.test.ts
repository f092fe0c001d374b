import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { eventually } from '../support/eventually';
import { openPage, show, startBrowser } from '../support/page/browser';
import { PageMock } from '../support/page/page-mock';

const MAX_GZIPPED_BYTES = 150_000;
/** The elements of a view, whatever the number of rows behind it. */
const MAX_ELEMENTS = 1500;

it('is at most 150 kB gzipped', () => {
  const folder = join(__dirname, '..', '..', 'dist', 'page');
  const sizes = readdirSync(folder).map((name) => gzipSync(readFileSync(join(folder, name))).length);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MAX_GZIPPED_BYTES);
});

describe('a large deployment', () => {
  let browser: Browser;
  let mock: PageMock;

  beforeAll(async () => {
    [browser, mock] = await Promise.all([
      startBrowser(),
      PageMock.start({ morePlugins: 193, letters: 100_000, everyMs: 100 }),
    ]);
  });

  afterAll(async () => {
    await browser.close();
    await mock.stop();
  });

  it('lists 100,000 letters page by page with a bounded number of elements', async () => {
    const { page } = await openPage(browser, mock.url);
    await show(page, '#/dead?as=list');
    const list = page.getByRole('grid', { name: 'Dead letters' });
    await list.getByRole('row').nth(5).waitFor();
    expect(await list.getAttribute('aria-rowcount')).toBe('100001');
    for (const rows of [100, 1000, 2500]) {
      await eventually(async () => {
        await page.evaluate(`document.querySelector('.vport').scrollTop = ${rows * 44}`);
        const first = await list.locator('.vrow').first().getAttribute('aria-rowindex');
        return Math.abs(Number(first) - rows) < 20;
      }, 40_000);
      expect(await page.evaluate('document.querySelectorAll("*").length')).toBeLessThan(MAX_ELEMENTS);
    }
    await page.evaluate(`document.querySelector('.vport').scrollTop = 0`);
    await list.getByRole('link', { name: '100000', exact: true }).waitFor();
    await page.context().close();
  });

  it('shows 200 plugins with a bounded number of elements, and finds one', async () => {
    const { page } = await openPage(browser, mock.url);
    await show(page, '#/plugins');
    await page.getByText('200 plugins').waitFor();
    expect(await page.evaluate('document.querySelectorAll("*").length')).toBeLessThan(MAX_ELEMENTS);
    await page.getByRole('searchbox').fill('partner-193');
    await page.getByRole('link', { name: 'partner-193' }).waitFor();
    await page.context().close();
  });

  it('stays responsive: no task of the page takes longer than half a second while it is live', async () => {
    const { page } = await openPage(browser, mock.url);
    await show(page, '#/plugins');
    await page.evaluate(
      'window.tasks = []; new PerformanceObserver((list) => tasks.push(...list.getEntries().map((e) => e.duration))).observe({ type: "longtask" })',
    );
    const asked = mock.beats;
    await eventually(() => mock.beats > asked + 30);
    expect(Math.max(0, ...(await page.evaluate<number[]>('tasks')))).toBeLessThan(500);
    await page.context().close();
  });
});

/** The readings of an hour. The host sends one a second, whatever the rate of events. */
const HOUR = 3_600;
/** Before this many, the history of an hour of a deployment is not yet full. */
const WARM_UP = 300;
const HEAP_READINGS = 10;

it('needs no more memory after the readings of an hour than after those of five minutes', async () => {
  const [browser, mock] = await Promise.all([startBrowser(), PageMock.start({ everyMs: 5 })]);
  try {
    const { page } = await openPage(browser, mock.url);
    const session = await page.context().newCDPSession(page);
    // One reading also counts the garbage of the messages that arrive meanwhile.
    const heapMB = async (): Promise<number> => {
      const readings: number[] = [];
      while (readings.length < HEAP_READINGS) {
        await session.send('HeapProfiler.collectGarbage');
        const { usedSize } = await session.send('Runtime.getHeapUsage');
        readings.push(usedSize / 1e6);
      }
      return Math.min(...readings);
    };
    await eventually(() => mock.beats > WARM_UP, 60_000);
    const before = await heapMB();
    await eventually(() => mock.beats > HOUR, 170_000);
    const after = await heapMB();
    console.log(
      `memory of the page: ${before.toFixed(1)} MB after 5 minutes of readings, ${after.toFixed(1)} MB after an hour`,
    );
    expect(after).toBeLessThan(1.2 * before);
  } finally {
    await browser.close();
    await mock.stop();
  }
});
