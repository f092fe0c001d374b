import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import type { Browser, Page } from 'playwright-core';
import { eventually } from '../support/eventually';
import { freePort } from '../support/free-port';
import { STORY_PLUGINS, type TestHost } from '../support/host';
import type { TestServer } from '../support/nats-server';
import { openPage, PHONE, show, startBrowser, violations, WIDE } from '../support/page/browser';
import { Scene } from '../support/scene';

const LETTERS = 1_000;
const EVERY_MS = 10;
/** With this variable, the views are also saved as pictures in the folder that it names. */
const PICTURES = process.env['JETPLUG_PICTURES'];

const VIEWPORTS = { wide: WIDE, phone: PHONE };
const SOME_LOOKS = [
  ['wide', 'light'],
  ['phone', 'dark'],
] as const;
const ALL_LOOKS = [...SOME_LOOKS, ['wide', 'dark'], ['phone', 'light']] as const;

/** A plugin that rejects all events until a file exists, and then writes the recipient of each into another file. */
const mail = (folder: string): string => `
import { appendFileSync, existsSync } from 'node:fs';
import { defineEvent, Plugin, Reject, Subscribe } from 'jetplug/sdk';
import { z } from 'zod';

export class MailWanted extends defineEvent('notification.mail_wanted', z.object({ user_id: z.string() })) {}

@Plugin({ name: 'mail', description: 'Sends mail' })
export class MailPlugin {
  @Subscribe({ from: 'beginning' })
  send({ user_id }: MailWanted) {
    if (!existsSync(${JSON.stringify(join(folder, 'open'))})) throw new Reject('the mail server refuses the sender');
    appendFileSync(${JSON.stringify(join(folder, 'sent'))}, user_id + '\\n');
  }
}
`;

describe('the page of a real host under load', () => {
  const scene = new Scene();
  let server: TestServer;
  let nats: NatsConnection;
  let host: TestHost;
  let startHost: () => Promise<TestHost>;
  let folder: string;
  let browser: Browser;
  let page: Page;
  let load: NodeJS.Timeout;

  beforeAll(async () => {
    server = await scene.server();
    nats = await scene.client(server.url);
    folder = scene.folder();
    const plugins = [STORY_PLUGINS, scene.folder({ 'mail.plugin.ts': mail(folder) })];
    const port = await freePort();
    startHost = () => scene.host({ server, plugins, flags: ['--http', `127.0.0.1:${port}`] });
    host = await startHost();
    for (let n = 1; n <= LETTERS; n++) publish('notification.mail_wanted', { user_id: `u${n}` });
    for (let n = 0; n < 20; n++) {
      publish('video.published', { video_id: `v${n}`, genres: [n % 2 === 0 ? 'drama' : 'comedy'] });
      publish('user.friend_added', { user_id: `u${n}`, friend_id: `u${n + 1}` });
    }
    let watches = 0;
    load = setInterval(() => {
      watches++;
      publish('video.watch_started', { user_id: `u${(watches * 7) % 20}`, video_id: `v${(watches * 13) % 20}` });
    }, EVERY_MS);
    browser = await startBrowser();
    ({ page } = await openPage(browser, host.url));
  });

  afterAll(async () => {
    clearInterval(load);
    await scene.end();
    await browser.close();
  });

  function publish(subject: string, fields: object): void {
    nats.publish(subject, JSON.stringify(fields));
  }

  it('shows live data in every view, without an error or a broken accessibility rule', async () => {
    await show(page, '#/dead');
    await page.getByText('1,000 letters').first().waitFor({ timeout: 30_000 });
    const event = await page.evaluate<string>(
      `fetch('/api/find?subject=video.watch_started&limit=1').then((answer) => answer.json()).then(({ events }) => events[0].id)`,
    );
    const views = [
      ['overview', '#/overview'],
      ['plugins', '#/plugins'],
      ['plugin', '#/plugins/badge'],
      ['flow', '#/flow'],
      ['dead', '#/dead'],
      ['letters', '#/dead?as=list'],
      ['letter', '#/dead/1'],
      ['trace', `#/trace?event=${event}`],
      ['events', '#/events'],
      ['event', '#/events/video.watch_started'],
      ['store', '#/store/badge?key=u7'],
      ['audit', '#/audit'],
    ] as const;
    for (const [size, theme] of PICTURES === undefined ? SOME_LOOKS : ALL_LOOKS) {
      const opened = await openPage(browser, host.url, { viewport: VIEWPORTS[size], theme });
      for (const [name, hash] of views) {
        await show(opened.page, hash);
        expect([hash, await violations(opened.page)]).toEqual([hash, []]);
        if (PICTURES === undefined) continue;
        // Rates and sparklines need some readings.
        await opened.page.waitForTimeout(3_000);
        await opened.page.screenshot({ path: join(PICTURES, `page-${name}-${size}-${theme}.png`) });
      }
      expect(opened.errors).toEqual([]);
      await opened.page.context().close();
    }
  }, 600_000);

  it('edits a letter’s payload and redrives it', async () => {
    writeFileSync(join(folder, 'open'), '');
    await show(page, '#/dead/1');
    await page.getByRole('button', { name: 'Edit and redrive …' }).click();
    await page.getByRole('textbox', { name: 'Payload' }).fill('{"user_id": "edited"}');
    await page.getByRole('button', { name: 'Redrive the edited event …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Redrive 1 letter' }).click();
    await eventually(() => sent().includes('edited'));
  });

  it('redrives 999 letters at a rate with progress, each event once, and shows that none is left', async () => {
    await show(page, '#/dead');
    // The edited letter goes when its event is settled. The dialog counts the letters when it opens.
    await page.getByText(`${LETTERS - 1} letters: events`).waitFor();
    await page.getByRole('button', { name: 'Redrive all …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('At most so many in a second').fill('300');
    await dialog.getByRole('button', { name: 'Redrive 999 letters' }).click();
    const progress = page.getByRole('progressbar');
    await progress.waitFor();
    const share = () => progress.evaluate<number, { value: number; max: number }>(({ value, max }) => value / max);
    const seen = await eventually(async () => {
      const now = await share();
      return now > 0 && now < 1 && now;
    });
    expect(seen).toBeLessThan(1);
    await page.getByRole('status').filter({ hasText: 'The redrive of 999 letters is done.' }).waitFor();
    await page.getByText('No dead letters.').waitFor({ timeout: 60_000 });
    const users = Array.from({ length: LETTERS - 1 }, (_, i) => `u${i + 2}`);
    expect(sent().sort()).toEqual([...users, 'edited'].sort());
  });

  it('shows that the host is away, and its data again after it has started anew', async () => {
    await show(page, '#/overview');
    await host.kill();
    await page.getByText('No connection to the host.').waitFor();
    host = await startHost();
    await page.getByText('No connection to the host.').waitFor({ state: 'detached', timeout: 30_000 });
    await page.getByRole('status').filter({ hasText: 'Connected to the host again.' }).waitFor();
    await show(page, '#/plugins');
    await page.getByRole('link', { name: 'mail', exact: true }).waitFor();
  });

  it('shows that the broker is away, and that it is back', async () => {
    await show(page, '#/overview');
    await server.kill();
    const banner = page.getByText('The broker does not answer', { exact: true });
    await banner.waitFor({ timeout: 20_000 });
    expect(await violations(page)).toEqual([]);
    await server.restart();
    await banner.waitFor({ state: 'detached', timeout: 30_000 });
  });

  function sent(): string[] {
    return readFileSync(join(folder, 'sent'), 'utf8').trim().split('\n');
  }
});
