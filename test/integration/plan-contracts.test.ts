/** `jetplug plan` tests changed contracts on stored events, and reports a `from` that has no effect. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { jetplug, type CliResult } from '../support/cli';
import { NEW_FORM, OLD_FORM, publishRenames, renamesPlugin, UPCAST } from '../support/contract-change';
import { allSettled } from '../support/durables';
import type { TestServer } from '../support/nats-server';
import { Scene } from '../support/scene';

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let folder: string;
let plugins: string;
const save = (source: string): void => writeFileSync(join(plugins, 'renames.plugin.ts'), source);
const run = (command: 'plan' | 'apply', ...flags: string[]): Promise<CliResult> =>
  jetplug([command, '--servers', server.url, '--plugins', plugins, ...flags]);

/** 60 events are handled in the old form, then 40 wait: 3 of the first and 2 of the second have no `title`. */
beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  folder = scene.folder();
  plugins = scene.folder({ 'renames.plugin.ts': renamesPlugin(OLD_FORM) });
  const host = await scene.host({ server, plugins: [plugins] });
  await publishRenames(nats, 60, (n) => n % 20 === 0);
  await allSettled(await nats.jetstreamManager(), ['EVENTS']);
  await host.stop();
  await publishRenames(nats, 40, (n) => n % 20 === 0);
});
afterAll(() => scene.end());

const FIELDS = 'Invalid input: expected string, received undefined';

test('a plan has nothing about a contract that hosts have recorded, nor about a changed one that all events fit', async () => {
  for (const source of [renamesPlugin(OLD_FORM), `${renamesPlugin(OLD_FORM)}// edited\n`]) {
    save(source);
    const plan = await run('plan');
    expect([plan.code, plan.stdout, plan.stderr]).toEqual([0, '', '']);
  }
});

test('a plan counts the events that a changed contract would refuse, by field, and exits with 2', async () => {
  save(renamesPlugin(NEW_FORM));
  const text = await run('plan');
  expect([text.code, text.stderr]).toEqual([2, '']);
  expect(text.stdout.replaceAll(/EVENTS:\d+/g, 'EVENTS:N')).toBe(
    `# contract video.renamed on stream EVENTS, of renames
    5 of 100 stored events and 2 of 40 waiting for renames.take would be refused
    5  title  ${FIELDS}  EVENTS:N EVENTS:N EVENTS:N
`,
  );
  const plan = await run('plan', '--json', '--all');
  expect([plan.code, plan.stderr]).toEqual([2, '']);
  expect(plan.json()).toEqual([
    {
      ...{ change: 'contract', kind: 'contract', name: 'video.renamed', plugin: 'renames', subject: 'video.renamed' },
      ...{ file: join(plugins, 'renames.plugin.ts'), stream: 'EVENTS', atStart: true },
      impact: '5 of 100 stored events and 2 of 40 waiting for renames.take would be refused',
      stored: { judged: 100, refused: 5, upcast: 0 },
      waiting: [{ handler: 'take', judged: 40, refused: 2, upcast: 0 }],
      byField: [{ reason: 'schema', field: 'title', message: FIELDS, events: 5, examples: expect.any(Array) }],
      others: 0,
      complete: true,
    },
  ]);
});

test('a plan file and apply have no change for a contract, and apply shows it before it asks', async () => {
  save(renamesPlugin(NEW_FORM));
  const file = join(folder, 'plan.json');
  expect((await run('plan', '--out', file)).code).toBe(2);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ format: 1, deployment: 'jetplug', changes: [] });
  const shown = await run('apply', '--yes');
  expect(shown.code).toBe(0);
  expect(shown.stdout).toContain('5 of 100 stored events and 2 of 40 waiting for renames.take would be refused\n');
  expect(shown.stdout).toMatch(/\nNothing is to be changed\.\n$/);
  const applied = await jetplug(['apply', file, '--servers', server.url, '--plugins', plugins]);
  expect([applied.code, applied.stdout]).toEqual([0, 'Nothing is to be changed.\n']);
});

test('events that an upcast converts are counted, and a plan with nothing else exits with 0', async () => {
  save(renamesPlugin(NEW_FORM, UPCAST));
  const plan = await run('plan');
  expect([plan.code, plan.stdout, plan.stderr]).toEqual([
    0,
    `# contract video.renamed on stream EVENTS, of renames
    0 of 100 stored events (5 upcast) and 0 of 40 waiting for renames.take (2 upcast) would be refused
`,
    '',
  ]);
});

test('events that wait under the former subject of a handler are judged by its present contract', async () => {
  const moved = (options?: string): string =>
    renamesPlugin(NEW_FORM, options).replace(`'video.renamed'`, `'video.titled'`);
  const planned = async (source: string): Promise<[number | null, object[]]> => {
    save(source);
    const { code, json } = await run('plan', '--json');
    return [code, json<object[]>()];
  };
  const update = expect.objectContaining({ change: 'update', kind: 'durable', name: 'renames-take' });
  const entry = (impact: string): unknown =>
    expect.objectContaining({ change: 'contract', name: 'video.titled', impact });
  expect(await planned(moved())).toEqual([2, [update, entry('2 of 40 waiting for renames.take would be refused')]]);
  expect(await planned(moved(UPCAST))).toEqual([
    2,
    [update, entry('0 of 40 waiting for renames.take (2 upcast) would be refused')],
  ]);
});

test('a contract that ends its process is named, and hides no other finding', async () => {
  save(renamesPlugin(`z.object({ title: z.string() }).refine(() => process.exit(7))`));
  const file = join(folder, 'ends.json');
  const plan = await run('plan', '--json', '--out', file);
  expect(plan.code).toBe(2);
  expect(plan.json()).toMatchObject([
    { change: 'contract', impact: 'no event could be tested', complete: false, errors: [{ code: 'JP_REPLAY_ENDED' }] },
  ]);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ changes: [] });
  expect((await run('plan')).stdout).toContain('JP_REPLAY_ENDED');
});

test('a disabled plugin and a plugin that no host has recorded are not judged', async () => {
  save(renamesPlugin(NEW_FORM));
  const config = join(folder, 'off.json');
  writeFileSync(config, JSON.stringify({ plugins: { renames: { enabled: false } } }));
  const disabled = await run('plan', '--config', config, '--json');
  expect([disabled.code, disabled.json()]).toEqual([0, []]);
  const unknown = scene.folder({
    'a.plugin.ts': renamesPlugin(OLD_FORM),
    'b.plugin.ts': renamesPlugin(NEW_FORM).replaceAll('RenamesPlugin', 'OtherPlugin'),
  });
  const plan = await jetplug(['plan', '--json', '--servers', server.url, '--plugins', unknown]);
  expect(plan.json<{ change: string; kind: string }[]>().filter(({ kind }) => kind === 'contract')).toEqual([]);
});

test('a changed from is noted by each plan and by apply, as the only finding with exit code 0', async () => {
  save(renamesPlugin(OLD_FORM).replace(`from: 'beginning'`, `from: 'new'`));
  const { created } = await (await nats.jetstreamManager()).consumers.info('EVENTS', 'renames-take');
  const impact = `from new has no effect: the durable exists since ${created.replace(/\.\d+Z$/, 'Z')}, and has started from beginning`;
  const line = `i durable renames-take on stream EVENTS, of renames.take\n    ${impact}\n`;
  const plan = await run('plan');
  expect([plan.code, plan.stdout, plan.stderr]).toEqual([0, line, '']);
  const applied = await run('apply', '--yes');
  expect([applied.code, applied.stdout]).toEqual([0, `${line}Nothing is to be changed.\n`]);
  const again = await run('plan', '--json');
  expect([again.code, again.json()]).toEqual([
    0,
    [
      {
        ...{ change: 'note', kind: 'durable', name: 'renames-take', stream: 'EVENTS' },
        ...{ plugin: 'renames', handler: 'take', impact, atStart: false },
      },
    ],
  ]);
});

test('a record that cannot be read is a warning, and its contracts are not judged', async () => {
  save(renamesPlugin(NEW_FORM));
  const records = await nats.jetstream().views.kv('jetplug', { bindOnly: true });
  const stored = (await records.get('contracts.renames'))!;
  await records.put('contracts.renames', '{"format":2}');
  const plan = await run('plan');
  expect([plan.code, plan.stdout]).toEqual([0, '']);
  expect(plan.stderr).toBe(
    '! the record contracts.renames in the bucket jetplug is left out: its format is 2, not 1\n',
  );
  await records.put('contracts.renames', stored.value);
});

test('after a host has started with the new contract, in a process of its own, the plan prints nothing', async () => {
  save(renamesPlugin(NEW_FORM).replace('@Plugin()', `@Plugin({ isolation: 'process' })`));
  expect((await run('plan')).code).toBe(2);
  const host = await scene.host({ server, plugins: [plugins] });
  await allSettled(await nats.jetstreamManager(), ['EVENTS']);
  await host.stop();
  const plan = await run('plan');
  expect([plan.code, plan.stdout, plan.stderr]).toEqual([0, '', '']);
});
