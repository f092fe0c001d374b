import type { Browser } from 'playwright-core';
import { openPage, PHONE, show, startBrowser, violations, WIDE } from '../support/page/browser';
import { PageMock } from '../support/page/page-mock';

const VIEWS = [
  ['#/overview', 'Overview'],
  ['#/plugins', 'Plugins'],
  ['#/plugins/notification', 'notification'],
  ['#/plugins/billing', 'billing'],
  ['#/flow', 'Flow'],
  ['#/flow?as=table', 'Flow'],
  ['#/dead', 'Dead letters'],
  ['#/dead?as=list', 'Dead letters'],
  ['#/dead/1200', 'Letter 1200'],
  ['#/trace', 'Trace'],
  ['#/trace?subject=video.watch_started', 'Trace'],
  ['#/trace?event=EVENTS:1', 'video.watch_started'],
  ['#/events', 'Events'],
  ['#/events/video.watch_started', 'video.watch_started'],
  ['#/store', 'Store'],
  ['#/store/badge?key=u3', 'badge'],
  ['#/audit', 'Audit'],
  ['#/nonsense', 'Not found'],
] as const;

describe('every view', () => {
  let browser: Browser;
  let mock: PageMock;

  beforeAll(async () => {
    [browser, mock] = await Promise.all([startBrowser(), PageMock.start()]);
  });

  afterAll(async () => {
    await browser.close();
    await mock.stop();
  });

  it.each(['light', 'dark'] as const)(
    'breaks no accessibility rule, logs no error and obeys the content-security policy, %s',
    async (theme) => {
      const { page, errors } = await openPage(browser, mock.url, { theme });
      const broken: string[] = [];
      for (const [hash, title] of VIEWS) {
        await show(page, hash);
        expect(await page.locator('main h1').innerText()).toContain(title);
        broken.push(...(await violations(page)).map((text) => `${hash}: ${text}`));
      }
      expect(broken).toEqual([]);
      expect(errors).toEqual([]);
      await page.context().close();
    },
  );

  it.each([PHONE, { width: 360, height: 640 }, { width: 768, height: 1024 }, WIDE])(
    'fits a width of $width pixels',
    async (viewport) => {
      const { page } = await openPage(browser, mock.url, { viewport });
      for (const [hash] of VIEWS) {
        await show(page, hash);
        const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
        expect([hash, overflow]).toEqual([hash, 0]);
      }
      await page.context().close();
    },
  );

  it('breaks no accessibility rule at phone width', async () => {
    const { page } = await openPage(browser, mock.url, { viewport: PHONE });
    const broken: string[] = [];
    for (const [hash] of VIEWS) {
      await show(page, hash);
      broken.push(...(await violations(page)).map((text) => `${hash}: ${text}`));
    }
    expect(broken).toEqual([]);
    await page.context().close();
  });

  it('keeps the theme that somebody has chosen', async () => {
    const { page } = await openPage(browser, mock.url);
    const theme = page.getByRole('button', { name: /^Theme/ });
    await theme.click();
    await theme.click();
    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark');
    await page.reload();
    await page.locator('main h1').waitFor();
    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark');
    await page.context().close();
  });
});
