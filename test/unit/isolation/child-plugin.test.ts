/** The process of an isolated plugin reports why the plugin cannot be loaded, for any value that its code throws. */
import { loadConfig } from '../../../host/config/load';
import { ChildPlugin } from '../../../host/isolation/child-plugin';
import type { HostLink } from '../../../host/isolation/host-link';
import type { WireError } from '../../../host/isolation/wire-error';
import { eventually } from '../../support/eventually';
import { pluginSource } from '../../support/plugin-source';
import { Scene } from '../../support/scene';

const scene = new Scene();
afterAll(() => scene.end());
const { config } = loadConfig({ cwd: '/', env: {} });

const REPORTED = { code: 'JP_PLUGIN_LOAD_FAILED', message: 'the declarations of BadgePlugin cannot be read: hostile' };

test.each([
  ['an AggregateError whose errors cannot be read', `{ get() { throw 1; } }`],
  ['an AggregateError whose errors are no list', `{ value: 7 }`],
  ['an AggregateError whose errors are a revoked Proxy', `{ value: revoked() }`],
])('%s is reported to the host', async (_what, errors) => {
  const source = pluginSource('BadgePlugin', `  @Subscribe(VideoWatchStarted) award(_: any) {}`, {
    options: `Object.defineProperty({}, 'name', { get() {
      const revoked = (): unknown => { const { proxy, revoke } = Proxy.revocable([], {}); revoke(); return proxy; };
      throw Object.defineProperty(new AggregateError([], 'hostile'), 'errors', ${errors});
    } }) as any`,
  });
  const sent: { is: string; errors?: WireError[] }[] = [];
  const send = (message: { is: string }): unknown => sent.push(message);
  const child = new ChildPlugin({ send, sendNow: send } as unknown as HostLink);
  const file = `${scene.folder({ 'badge.plugin.ts': source })}/badge.plugin.ts`;
  child.receive({ to: 'load', file, modules: [], plugins: config.plugins } as never);
  await eventually(() => sent.length > 0);
  expect(sent).toEqual([{ is: 'failed', errors: [expect.objectContaining(REPORTED)] }]);
});
