/** `jetplug check --against-stream` tests the contracts of plugins on the stored events of a server. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { jetplug } from '../support/cli';
import {
  checkAgainst,
  NEW_FORM,
  OLD_FORM,
  publishRenames,
  renamesPlugin,
  UPCAST,
  type AgainstStream,
} from '../support/contract-change';
import { allSettled } from '../support/durables';
import type { TestServer } from '../support/nats-server';
import { lineOf } from '../support/plugin-source';
import { Scene } from '../support/scene';

const scene = new Scene();
let server: TestServer;
let nats: NatsConnection;
let plugins: string;
const save = (source: string): void => writeFileSync(join(plugins, 'renames.plugin.ts'), source);

/** 300 events are handled in the old form, then 200 wait: 10 of the first and 5 of the second have no `title`. */
beforeAll(async () => {
  server = await scene.server();
  nats = await scene.client(server.url);
  plugins = scene.folder({ 'renames.plugin.ts': renamesPlugin(OLD_FORM) });
  const host = await scene.host({ server, plugins: [plugins] });
  await publishRenames(nats, 300, (n) => n % 30 === 0);
  await allSettled(await nats.jetstreamManager(), ['EVENTS']);
  await host.stop();
  await publishRenames(nats, 200, (n) => n % 40 === 0);
});
afterAll(() => scene.end());

test('events that do not fit are a problem, counted by field with examples, stored and waiting', async () => {
  save(renamesPlugin(NEW_FORM));
  const result = await checkAgainst(server.url, plugins);
  expect({ code: result.code, stderr: result.stderr }).toEqual({ code: 1, stderr: '' });
  const { findings, contracts } = result.json<AgainstStream>();
  expect(findings).toMatchObject([
    { code: 'JP_CONTRACT_MISMATCH', plugin: 'renames', line: lineOf(renamesPlugin(NEW_FORM), 'async take') },
  ]);
  expect(findings[0]!.message).toBe(
    'renames: the contract of video.renamed refuses 15 of 500 stored events, and 5 of 200 that wait for take in stream EVENTS',
  );
  expect(contracts).toEqual([
    {
      ...{ plugin: 'renames', file: join(plugins, 'renames.plugin.ts'), subject: 'video.renamed', stream: 'EVENTS' },
      stored: { judged: 500, refused: 15, upcast: 0 },
      waiting: [{ handler: 'take', judged: 200, refused: 5, upcast: 0 }],
      byField: [
        {
          ...{ reason: 'schema', field: 'title', events: 15 },
          message: 'Invalid input: expected string, received undefined',
          examples: expect.any(Array),
        },
      ],
      others: 0,
      complete: true,
    },
  ]);
  const { examples } = contracts[0]!.byField[0]!;
  expect(examples).toHaveLength(3);
  const example = await (await nats.jetstreamManager()).streams.getMessage('EVENTS', { seq: examples[1]! });
  expect({ subject: example.subject, ...example.json<object>() }).toEqual({ subject: 'video.renamed', name: 't30' });
});

test('events that an upcast converts are no problem, and are counted', async () => {
  save(renamesPlugin(NEW_FORM, UPCAST));
  const result = await checkAgainst(server.url, plugins);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  const { findings, contracts } = result.json<AgainstStream>();
  expect(findings).toEqual([]);
  expect(contracts).toMatchObject([
    { stored: { judged: 500, refused: 0, upcast: 15 }, waiting: [{ judged: 200, refused: 0, upcast: 5 }], byField: [] },
  ]);
});

test('an upcast that throws is named, with the field that it does not mend', async () => {
  save(renamesPlugin(NEW_FORM, `{ upcast: () => { throw new Error('unknown form'); } }`));
  const result = await jetplug(['check', '--against-stream', '--servers', server.url, '--plugins', plugins]);
  expect(result.code).toBe(1);
  expect(result.stdout).toMatch(/video\.renamed in EVENTS, contract of renames: 500 stored, 15 refused\n/);
  expect(result.stdout).toMatch(/\n {2}renames\.take: 200 waiting, 5 refused\n/);
  expect(result.stdout).toMatch(
    /\n {2}15 {2}schema {2}the upcast threw: unknown form {2}EVENTS:\d+ EVENTS:\d+ EVENTS:\d+\n/,
  );
});

test('a contract that ends its process is a problem of its own, and the next one is tested', async () => {
  save(renamesPlugin(`z.object({ title: z.string() }).refine(() => process.exit(7))`));
  writeFileSync(join(plugins, 'zulu.plugin.ts'), renamesPlugin(OLD_FORM).replaceAll('RenamesPlugin', 'ZuluPlugin'));
  const result = await checkAgainst(server.url, plugins);
  expect(result.code).toBe(1);
  const { findings, contracts } = result.json<AgainstStream>();
  expect(findings).toMatchObject([{ code: 'JP_REPLAY_ENDED', plugin: 'renames' }]);
  expect(contracts).toMatchObject([
    { plugin: 'renames', complete: false },
    { plugin: 'zulu', complete: true, stored: { judged: 500, refused: 0, upcast: 0 }, waiting: [{ judged: 0 }] },
  ]);
});

test('--all is refused without --against-stream, and a server that cannot be reached is a problem', async () => {
  expect((await jetplug(['check', '--all', '--json'])).errors()).toMatchObject([{ code: 'JP_USAGE' }]);
  const lost = await checkAgainst('nats://127.0.0.1:1', plugins);
  expect(lost.code).toBe(1);
  expect(lost.json<AgainstStream>().findings).toMatchObject([{ code: 'JP_BROKER_UNREACHABLE' }]);
});
