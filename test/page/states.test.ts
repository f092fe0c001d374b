import type { Browser, Page } from 'playwright-core';
import { openPage, show, startBrowser, violations } from '../support/page/browser';
import { PageMock, type MockOptions } from '../support/page/page-mock';

const TOKEN = 'a-token-of-24-characters';

describe('the states of the page', () => {
  let browser: Browser;
  let mock: PageMock;
  let page: Page;

  beforeAll(async () => {
    browser = await startBrowser();
  });

  afterEach(async () => {
    await page.context().close();
    await mock.stop();
  });

  afterAll(() => browser.close());

  async function open(options: MockOptions = {}): Promise<void> {
    mock = await PageMock.start(options);
    ({ page } = await openPage(browser, mock.url));
  }

  it('says what to do where there is nothing yet', async () => {
    await open({ isEmpty: true });
    for (const [hash, text] of [
      ['#/overview', 'No plugin runs yet.'],
      ['#/plugins', 'No plugin runs yet.'],
      ['#/flow', 'No contract is known yet.'],
      ['#/dead', 'No dead letters.'],
      ['#/events', 'No event is known yet.'],
      ['#/audit', 'Nothing has been changed yet.'],
    ] as const) {
      await show(page, hash);
      await page.locator('main').getByText(text).waitFor();
      expect(await violations(page)).toEqual([]);
    }
  });

  it('shows the last data and the time of the next try while the host is away, and connects again', async () => {
    await open();
    await page.getByText('Needs attention').waitFor();
    const { port } = mock;
    await mock.stop();
    await page.getByText('No connection to the host.').waitFor();
    await page.getByText(/Next try in \d+ s/).waitFor();
    await page.getByText('Needs attention').waitFor();
    expect(await violations(page)).toEqual([]);
    mock = await PageMock.start({ port });
    await page.getByText('No connection to the host.').waitFor({ state: 'detached', timeout: 20_000 });
    await page.getByRole('status').filter({ hasText: 'Connected to the host again.' }).waitFor();
  });

  it('says that the broker is away', async () => {
    await open();
    await page.getByText('Needs attention').waitFor();
    mock.setAway(true);
    await page.getByText('The broker does not answer', { exact: true }).waitFor();
    expect(await violations(page)).toEqual([]);
    mock.setAway(false);
    await page.getByText('The broker does not answer', { exact: true }).waitFor({ state: 'detached' });
  });

  it('asks for a token, refuses a wrong one, and signs in with the right one', async () => {
    await open({ token: TOKEN });
    const field = page.getByLabel('Token');
    await field.fill('wrong');
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('Enter');
    await page.getByText('The token is wrong.').waitFor();
    await field.fill(TOKEN);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.getByText('Needs attention').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Token').waitFor();
  });

  it('disables every change for a reader, with the reason', async () => {
    await open({ role: 'reader' });
    await show(page, '#/dead/1200');
    const redrive = page.getByRole('button', { name: 'Redrive …', exact: true });
    expect(await redrive.isDisabled()).toBe(true);
    expect(await redrive.getAttribute('title')).toContain('Your token may only read.');
    await show(page, '#/plugins/badge');
    expect(await page.getByRole('button', { name: 'Pause', exact: true }).isDisabled()).toBe(true);
    expect(await violations(page)).toEqual([]);
  });

  it('shows an error with its code and the next step', async () => {
    await open();
    await show(page, '#/trace?event=unknown');
    await page.getByRole('alert').getByText('JP_NOT_FOUND').waitFor();
    await page.getByText('npx jetplug fate unknown').waitFor();
    expect(await violations(page)).toEqual([]);
  });
});
