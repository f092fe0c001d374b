/** A contract changes, with 100,500 stored events: those that do not fit among the newest 100,000 are counted in seconds. */
import { jetplug, type CliResult } from '../support/cli';
import { checkAgainst, NEW_FORM, OLD_FORM, publishRenames, renamesPlugin, UPCAST } from '../support/contract-change';
import type { AgainstStream } from '../support/contract-change';
import type { TestServer } from '../support/nats-server';
import { Scene } from '../support/scene';

const scene = new Scene();
let server: TestServer;
const folderOf = (source: string): string => scene.folder({ 'a.plugin.ts': source });

/** Nothing waits for the handler, because its durable begins with the next event. */
const late = (schema: string, options?: string): string =>
  renamesPlugin(schema, options).replace(`from: 'beginning'`, `from: 'new'`);

beforeAll(async () => {
  server = await scene.server();
  const nats = await scene.client(server.url);
  // A host creates the stream.
  await (await scene.host({ server, plugins: [scene.folder()] })).stop();
  // The first 500 events do not fit either, but they are not among the newest.
  const hasOldForm = (n: number): boolean => n < 500 || (n < 500 + 137 * 700 && (n - 500) % 700 === 0);
  await publishRenames(nats, 100_500, hasOldForm);
  // Another host creates the durable and records the contract.
  await (await scene.host({ server, plugins: [folderOf(late(OLD_FORM))] })).stop();
});
afterAll(() => scene.end());

async function timed(work: Promise<CliResult>): Promise<{ result: CliResult; seconds: string }> {
  const beganAtMs = performance.now();
  const result = await work;
  return { result, seconds: ((performance.now() - beganAtMs) / 1_000).toFixed(1) };
}

test('check: 137 events that do not fit, among the newest 100,000 are counted by field, and none with an upcast', async () => {
  const changed = folderOf(renamesPlugin(NEW_FORM).replaceAll('RenamesPlugin', 'NewPlugin'));
  const { result: refused, seconds } = await timed(checkAgainst(server.url, changed));
  expect(refused.code).toBe(1);
  const { contracts } = refused.json<AgainstStream>();
  expect(contracts).toMatchObject([
    { stored: { judged: 100_000, refused: 137, upcast: 0 }, byField: [{ field: 'title', events: 137 }] },
  ]);
  process.stdout.write(
    `137 of 100,000 events refused, title: ${contracts[0]!.byField[0]!.message}; check took ${seconds} s\n`,
  );
  const all = (await checkAgainst(server.url, changed, '--all')).json<AgainstStream>();
  expect(all.contracts).toMatchObject([{ stored: { judged: 100_500, refused: 637 } }]);
  const upcasting = folderOf(renamesPlugin(NEW_FORM, UPCAST).replaceAll('RenamesPlugin', 'NewPlugin'));
  const upcast = await checkAgainst(server.url, upcasting);
  expect(upcast.code).toBe(0);
  expect(upcast.json<AgainstStream>().contracts).toMatchObject([
    { stored: { judged: 100_000, refused: 0, upcast: 137 } },
  ]);
});

test('plan: 137 events that a changed contract refuses are counted by field, and none with an upcast', async () => {
  const plan = (source: string, ...flags: string[]): ReturnType<typeof timed> =>
    timed(jetplug(['plan', '--json', '--servers', server.url, '--plugins', folderOf(source), ...flags]));
  const unchanged = await plan(late(OLD_FORM));
  expect([unchanged.result.code, unchanged.result.json()]).toEqual([0, []]);
  const refused = await plan(late(NEW_FORM));
  expect(refused.result.code).toBe(2);
  expect(refused.result.json()).toMatchObject([
    {
      ...{ change: 'contract', name: 'video.renamed', plugin: 'renames' },
      impact: '137 of 100,000 stored events would be refused',
      stored: { judged: 100_000, refused: 137, upcast: 0 },
      waiting: [{ handler: 'take', judged: 0 }],
      byField: [{ field: 'title', events: 137 }],
    },
  ]);
  const upcast = await plan(late(NEW_FORM, UPCAST));
  expect(upcast.result.code).toBe(0);
  expect(upcast.result.json()).toMatchObject([
    { change: 'contract', impact: '0 of 100,000 stored events (137 upcast) would be refused' },
  ]);
  const all = await plan(late(NEW_FORM), '--all');
  expect(all.result.json()).toMatchObject([{ impact: '637 of 100,500 stored events would be refused' }]);
  process.stdout.write(
    `137 of 100,000 events refused; plan took ${refused.seconds} s, ${upcast.seconds} s with an upcast, and ${unchanged.seconds} s without a change\n`,
  );
});
