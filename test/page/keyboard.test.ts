import type { Browser, Page } from 'playwright-core';
import { eventually } from '../support/eventually';
import { openPage, startBrowser } from '../support/page/browser';
import { PageMock } from '../support/page/page-mock';

describe('the keyboard alone', () => {
  let browser: Browser;
  let mock: PageMock;
  let page: Page;

  beforeAll(async () => {
    browser = await startBrowser();
  });

  beforeEach(async () => {
    mock = await PageMock.start({ everyMs: 200 });
    ({ page } = await openPage(browser, mock.url));
    await page.locator('main h1').waitFor();
  });

  afterEach(async () => {
    await page.context().close();
    await mock.stop();
  });

  afterAll(() => browser.close());

  it('skips to the content first', async () => {
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
  });

  it('opens a letter and redrives it with a confirmation', async () => {
    await press('g', 'd');
    await page.getByRole('link', { name: /Cannot read properties/ }).waitFor();
    await press('j', 'Enter');
    await page.getByRole('grid', { name: 'Dead letters' }).getByRole('row').nth(3).waitFor();
    await press('j', 'j', 'j', 'Enter');
    await page.getByRole('heading', { name: /^Letter \d+/ }).waitFor();
    await tabTo('Redrive …');
    await press('Enter');
    await tabTo('Redrive 1 letter');
    await press('Enter');
    const change = await eventually(() => mock.changes.find(({ body }) => !(body as { dryRun?: boolean }).dryRun));
    expect(change).toEqual({ path: '/api/dead/redrive', body: { ids: [expect.any(Number)] } });
    await page.getByRole('status').filter({ hasText: '1 letter will be redriven.' }).waitFor();
  });

  it('closes a dialog with Escape, and the focus returns to the button', async () => {
    await press('g', 'd');
    await page.getByRole('button', { name: 'Drop all …' }).focus();
    await press('Enter');
    await page.getByRole('dialog').waitFor();
    await press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await focused()).toBe('Drop all …');
    expect(mock.changes.every(({ body }) => (body as { dryRun?: boolean }).dryRun)).toBe(true);
  });

  it('selects letters with x, and redrives the selection', async () => {
    await page.evaluate('location.hash = "#/dead?as=list"');
    await page.getByRole('grid', { name: 'Dead letters' }).getByRole('row').nth(3).waitFor();
    await press('j', 'x', 'j', 'x');
    await page.getByRole('region', { name: 'Selection' }).getByText('2 letters selected').waitFor();
    await page.getByRole('region', { name: 'Selection' }).getByRole('button', { name: 'Redrive …' }).focus();
    await press('Enter');
    await tabTo('Redrive 2 letters');
    await press('Enter');
    const change = await eventually(() => mock.changes.find(({ body }) => !(body as { dryRun?: boolean }).dryRun));
    expect(change.body).toEqual({ ids: [1204, 1203] });
  });

  it('searches with /, lists the keys with ?, and goes back with Escape', async () => {
    await press('g', 'p');
    await page.getByRole('searchbox', { name: 'Search plugins' }).waitFor();
    await press('/');
    await page.keyboard.type('badge');
    await eventually(async () => (await page.getByRole('grid', { name: 'Plugins' }).getByRole('row').count()) === 2);
    await press('Escape', 'j', 'Enter');
    await page.getByRole('heading', { level: 1, name: /badge/ }).waitFor();
    await press('Escape');
    await page.getByRole('heading', { level: 1, name: 'Plugins' }).waitFor();
    await press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  });

  async function press(...keys: string[]): Promise<void> {
    for (const key of keys) await page.keyboard.press(key);
  }

  async function focused(): Promise<string> {
    return page.evaluate<string>('document.activeElement.innerText.trim()');
  }

  /** Presses Tab until the element with this text has the focus. */
  async function tabTo(text: string): Promise<void> {
    await page.getByRole('button', { name: text }).first().waitFor();
    for (let presses = 0; presses < 40; presses++) {
      if ((await focused()) === text) return;
      await page.keyboard.press('Tab');
    }
    throw new Error(`Tab does not lead to ${text}`);
  }
});
