import { connect } from 'node:net';
import type { AuditEntry, Overview } from '../../host/page/api';
import { jetplug } from '../support/cli';
import { startPage } from '../support/page-command';
import { STORY_PLUGINS } from '../support/host';
import { Scene } from '../support/scene';

const scene = new Scene();
afterAll(() => scene.end());

test('the audit has the changes by commands, without the values of a store', async () => {
  const server = await scene.server();
  await scene.host({ server, plugins: [STORY_PLUGINS] });
  const run = async (...words: string[]): Promise<string> => {
    const { code, stdout } = await jetplug([...words, '--servers', server.url]);
    expect(code).toBe(0);
    return stdout;
  };
  expect(await run('audit')).toContain('no changes');
  await run('pause', 'badge.award', '--for', '1h');
  await run('resume', 'badge');
  await run('store', 'badge', 'u1', '--set', '4711');
  await run('store', 'badge', 'u1', '--delete');
  expect((await jetplug(['pause', 'nobody', '--servers', server.url])).code).toBe(1);

  const text = await run('audit', '--json', '--since', '1h');
  const entries = JSON.parse(text) as AuditEntry[];
  const byCommand = { via: 'command', who: expect.stringContaining('@') as unknown };
  expect(entries).toMatchObject([
    {
      ...byCommand,
      action: 'pause',
      target: 'nobody',
      outcome: 'failed',
      error: expect.stringContaining('JP_NOT_FOUND'),
    },
    { ...byCommand, action: 'store.delete', target: 'badge', detail: { key: 'u1' }, outcome: 'done' },
    { ...byCommand, action: 'store.set', target: 'badge', detail: { key: 'u1' }, outcome: 'done' },
    { ...byCommand, action: 'resume', target: 'badge', outcome: 'done' },
    { ...byCommand, action: 'pause', target: 'badge.award', detail: { until: expect.any(String) }, outcome: 'done' },
  ]);
  expect(text).not.toContain('4711');
  expect(JSON.parse(await run('audit', '--json', '--limit', '1'))).toEqual(entries.slice(0, 1));
  expect(await run('audit')).toMatch(/pause badge\.award .*done/);
}, 120_000);

test('jetplug page serves the page beside a broker with no host, and ends with SIGTERM', async () => {
  const server = await scene.server();
  const page = await startPage(['--servers', server.url]);
  try {
    const overview = (await (await fetch(`${page.url}/api/overview`)).json()) as Overview;
    expect(overview).toMatchObject({ hosts: [], plugins: [], problems: [{ command: 'npx jetplug start' }] });
    expect((await fetch(page.url)).status).toBe(200);
    expect((await fetch(`${page.url}/livez`)).status).toBe(404);
  } finally {
    expect(await page.stop()).toBe(0);
  }
}, 60_000);

test('a client that sends its body slowly is cut off', async () => {
  const server = await scene.server();
  const page = await startPage(['--servers', server.url]);
  const socket = connect(Number(new URL(page.url).port), '127.0.0.1');
  const startedMs = performance.now();
  const slowly = setInterval(() => socket.write(' '), 500);
  try {
    socket.write('POST /api/plugins/badge/pause HTTP/1.1\r\nHost: localhost\r\n');
    socket.write('Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n');
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    await new Promise((resolve) => socket.on('error', resolve).on('close', resolve));
    expect(text).toMatch(/^(HTTP\/1\.1 408 |$)/);
    expect(performance.now() - startedMs).toBeLessThan(30_000);
  } finally {
    clearInterval(slowly);
    socket.destroy();
    await page.stop();
  }
}, 60_000);
