/** A contract changes, with 100,500 stored events: those that do not fit among the newest 100,000 are counted in seconds. */
import { checkAgainst, NEW_FORM, OLD_FORM, publishRenames, renamesPlugin, UPCAST } from '../support/contract-change';
import type { AgainstStream } from '../support/contract-change';
import { Scene } from '../support/scene';

const scene = new Scene();
afterAll(() => scene.end());

test('137 events that do not fit, among the newest 100,000 events are counted by field, and none with an upcast', async () => {
  const server = await scene.server();
  const nats = await scene.client(server.url);
  // A host creates the stream.
  const host = await scene.host({ server, plugins: [scene.folder({ 'a.plugin.ts': renamesPlugin(OLD_FORM) })] });
  await host.stop();
  // The first 500 events do not fit either, but they are not among the newest.
  const hasOldForm = (n: number): boolean => n < 500 || (n < 500 + 137 * 700 && (n - 500) % 700 === 0);
  await publishRenames(nats, 100_500, hasOldForm);
  const changed = scene.folder({ 'a.plugin.ts': renamesPlugin(NEW_FORM).replaceAll('RenamesPlugin', 'NewPlugin') });
  const beganAtMs = performance.now();
  const refused = await checkAgainst(server.url, changed);
  const seconds = (performance.now() - beganAtMs) / 1_000;
  expect(refused.code).toBe(1);
  const { contracts } = refused.json<AgainstStream>();
  expect(contracts).toMatchObject([
    { stored: { judged: 100_000, refused: 137, upcast: 0 }, byField: [{ field: 'title', events: 137 }] },
  ]);
  process.stdout.write(
    `137 of 100,000 events refused, title: ${contracts[0]!.byField[0]!.message}; ${seconds.toFixed(1)} s\n`,
  );
  const all = (await checkAgainst(server.url, changed, '--all')).json<AgainstStream>();
  expect(all.contracts).toMatchObject([{ stored: { judged: 100_500, refused: 637 } }]);
  const upcasting = scene.folder({
    'a.plugin.ts': renamesPlugin(NEW_FORM, UPCAST).replaceAll('RenamesPlugin', 'NewPlugin'),
  });
  const upcast = await checkAgainst(server.url, upcasting);
  expect(upcast.code).toBe(0);
  expect(upcast.json<AgainstStream>().contracts).toMatchObject([
    { stored: { judged: 100_000, refused: 0, upcast: 137 } },
  ]);
});
