import type { Browser, Page } from 'playwright-core';
import { eventually } from '../support/eventually';
import { openPage, show, startBrowser, violations } from '../support/page/browser';
import { PageMock } from '../support/page/page-mock';

describe('changes through the page', () => {
  let browser: Browser;
  let mock: PageMock;
  let page: Page;

  beforeAll(async () => {
    browser = await startBrowser();
  });

  beforeEach(async () => {
    mock = await PageMock.start({ everyMs: 300 });
    ({ page } = await openPage(browser, mock.url));
    await page.locator('main h1').waitFor();
  });

  afterEach(async () => {
    await page.context().close();
    await mock.stop();
  });

  afterAll(() => browser.close());

  it('redrives a filter at a rate to another handler, after a count, with progress and a notice of new failures', async () => {
    await show(page, '#/dead?plugin=notification');
    await page.getByRole('button', { name: 'Redrive these …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Redrive 724 letters' }).waitFor();
    expect(await violations(page)).toEqual([]);
    await dialog.getByLabel('At most so many in a second').fill('50');
    await dialog.getByLabel('To handler').selectOption('badge.award');
    await dialog.getByRole('button', { name: 'Redrive 724 letters' }).click();
    await page.getByRole('progressbar').waitFor();
    await page.getByText('new letters of the same handlers since the job began').waitFor();
    await page.getByRole('status').filter({ hasText: 'The redrive of 724 letters is done.' }).waitFor();
    expect(mock.changes).toEqual([
      { path: '/api/dead/redrive', body: { filter: { plugin: 'notification' }, dryRun: true } },
      { path: '/api/dead/redrive', body: { filter: { plugin: 'notification' }, ratePerS: 50, to: 'badge.award' } },
    ]);
  });

  it('edits a letter’s payload under the eye of its contract, and redrives it', async () => {
    await show(page, '#/dead/1200');
    await page.getByRole('button', { name: 'Edit and redrive …' }).click();
    const payload = page.getByRole('textbox', { name: 'Payload' });
    const send = page.getByRole('button', { name: 'Redrive the edited event …' });
    await payload.fill('{"user_id": "u1"');
    await page.getByText('This is not JSON').waitFor();
    expect(await send.isDisabled()).toBe(true);
    await payload.fill('{"video_id": "v1"}');
    await page.getByText('user_id: must be a text').waitFor();
    expect(await send.isDisabled()).toBe(true);
    await payload.fill('{"user_id": "u1", "video_id": "v1"}');
    await eventually(() => send.isEnabled());
    await send.click();
    await page.getByRole('dialog').getByRole('button', { name: 'Redrive 1 letter' }).click();
    const change = await eventually(() => mock.changes.find(({ body }) => !(body as { dryRun?: boolean }).dryRun));
    expect(change.body).toEqual({ ids: [1200], payload: { user_id: 'u1', video_id: 'v1' } });
  });

  it('drops a group only after a confirmation', async () => {
    await show(page, '#/dead?group=a41f');
    await page.getByRole('button', { name: 'Drop these …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Drop these …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Drop 724 letters' }).click();
    await eventually(() => mock.changes.length === 3);
    expect(mock.changes.at(-1)).toEqual({ path: '/api/dead/drop', body: { filter: { group: 'a41f' } } });
  });

  it('runs a handler again as a dry run with another payload, and publishes it only as a confirmed action of its own', async () => {
    await show(page, '#/trace?event=EVENTS:1');
    await page.getByRole('button', { name: 'Run again …' }).click();
    await page.getByRole('textbox', { name: 'Payload' }).fill('{"user_id": "u9", "video_id": "v3"}');
    await page.getByRole('button', { name: 'Dry run' }).click();
    await page.getByRole('heading', { name: 'It would write' }).waitFor();
    await page.getByText('"100-watches"').first().waitFor();
    expect(mock.changes).toEqual([
      {
        path: '/api/try',
        body: {
          event: expect.stringMatching(/^EVENTS:\d+$/),
          plugin: 'notification',
          handler: 'notify',
          payload: { user_id: 'u9', video_id: 'v3' },
        },
      },
    ]);
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Publish as a new event …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('6 handlers would receive it').waitFor();
    await dialog.getByRole('button', { name: 'Publish the event' }).click();
    await page.getByRole('status').filter({ hasText: 'Published as EVENTS:184211.' }).waitFor();
    expect(mock.changes.at(-1)?.path).toBe('/api/events/publish');
  });

  it('says who would receive an event while it is typed', async () => {
    await show(page, '#/events/video.watch_started');
    await page.getByText('6 handlers would receive it').waitFor();
    await page.getByRole('textbox', { name: 'Payload' }).fill('{}');
    await page.getByText('user_id: must be a text').waitFor();
    expect(await page.getByRole('button', { name: 'Publish …' }).isDisabled()).toBe(true);
    expect(mock.changes).toEqual([]);
  });

  it('pauses a plugin for a time, and resumes another', async () => {
    await show(page, '#/plugins');
    await page.getByRole('button', { name: 'Pause badge' }).click();
    await page.getByRole('dialog').getByLabel('How long').selectOption('1h');
    await page.getByRole('dialog').getByRole('button', { name: 'Pause', exact: true }).click();
    await page.getByRole('status').filter({ hasText: 'badge is paused.' }).waitFor();
    await page.getByRole('button', { name: 'Resume user-preferences' }).click();
    await page.getByRole('status').filter({ hasText: 'user-preferences is resumed.' }).waitFor();
    expect(mock.changes).toEqual([
      { path: '/api/plugins/badge/pause', body: { for: '1h' } },
      { path: '/api/plugins/user-preferences/resume', body: {} },
    ]);
  });
});
