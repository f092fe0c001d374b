import type { HandlerDefinition } from '../../../host/load/describe';
import type { Consumption } from '../../../host/plugin/consume';
import type { PluginVersion } from '../../../host/plugin/version';
import { reconcileFormerVersion, reconcileVersion } from '../../../host/plugin/version-plan';
import { memoryHost, settle } from '../../support/memory-host';

function versionWith(...handlers: (Partial<HandlerDefinition> & { name: string })[]) {
  const close = jest.fn(async () => undefined);
  const definition = {
    name: 'badge',
    where: { file: '/badge.plugin.ts', line: 3 },
    handlers: handlers.map((handler) => ({
      durable: `badge-${handler.name}`,
      subject: 'video.watched',
      from: 'new',
      ...handler,
    })),
  };
  return { definition, close } as unknown as PluginVersion;
}

function consuming(name: string, stream: string, canSwapTo: boolean): Consumption {
  return { durable: { durable: `badge-${name}`, stream }, canSwapTo: () => canSwapTo } as unknown as Consumption;
}

test('a handler takes a consumption over, replaces it, or gets a durable of its own', async () => {
  const { host, broker } = memoryHost();
  const checked = jest.spyOn(broker, 'checkDurable');
  const ensured = jest.spyOn(broker, 'ensureDurable');
  const same = consuming('same', 'EVENTS', true);
  const other = consuming('other-key', 'EVENTS', false);
  const gone = consuming('gone', 'EVENTS', true);
  const next = versionWith({ name: 'same' }, { name: 'other-key' }, { name: 'new' });
  const { version, handlers } = await reconcileVersion(next, [same, other, gone], host);
  expect(version).toBe(next);
  expect(
    handlers.map(({ takenOver, replaced, reconciled }) => [takenOver, replaced, reconciled !== undefined]),
  ).toEqual([
    [same, undefined, false],
    [undefined, other, false],
    [undefined, undefined, true],
  ]);
  expect(checked.mock.calls.length).toBe(1);
  expect(ensured.mock.calls.map(([{ durable }]) => durable)).toEqual(['badge-new']);
});

test.each([
  ['no stream holds its subject', { name: 'same', subject: 'other.watched' }, 'JP_HANDLER_NO_STREAM'],
  ['its durable is on another stream', { name: 'moved' }, 'JP_CONSUMER_NOT_UPDATABLE'],
])('a version is refused if of a handler %s, and no durable is made', async (_why, handler, code) => {
  const { host, broker } = memoryHost();
  const ensured = jest.spyOn(broker, 'ensureDurable');
  const present = [consuming('moved', 'OTHER', true)];
  await expect(reconcileVersion(versionWith({ name: 'new' }, handler), present, host)).rejects.toMatchObject({ code });
  expect(ensured).not.toHaveBeenCalled();
});

test('a former version waits for its durables until a stop, and leaves out the handlers that have none', async () => {
  const { host, broker, messages } = memoryHost();
  jest.spyOn(broker, 'ensureDurable').mockRejectedValue(new Error('no answer'));
  const stopping = new AbortController();
  const same = consuming('same', 'EVENTS', true);
  const former = versionWith({ name: 'same' }, { name: 'lost' });
  const reconciled = reconcileFormerVersion(former, [same], host, stopping.signal);
  await settle();
  stopping.abort();
  const { handlers } = await reconciled;
  expect(handlers.map(({ takenOver, reconciled: durable }) => [takenOver, durable])).toEqual([
    [same, undefined],
    [undefined, undefined],
  ]);
  expect(messages('warn')).toEqual(['the durable consumer cannot be made yet']);
});
