import { JetplugError } from '../../../sdk/internal';
import { OpenCalls } from '../../../host/isolation/open-calls';
import type { HostMessage, Request } from '../../../host/isolation/protocol';
import { RequestServer } from '../../../host/isolation/request-server';
import type { WorkerServices } from '../../../host/isolation/worker';

const PLUGIN = { name: 'badge', where: { file: '/p/badge.plugin.ts', line: 3 } };

function bench(texts: object) {
  const sent: HostMessage[] = [];
  const server = new RequestServer(new OpenCalls(), (message) => sent.push(message));
  server.open({ texts, bus: {} } as unknown as WorkerServices, PLUGIN);
  const ask = (asked: object): Promise<void> => server.serve({ is: 'request', request: 1, ...asked } as Request);
  return { sent, server, ask };
}

test('a request is answered with the service’s value, or with its error', async () => {
  const texts = {
    get: (key: string) => Promise.resolve(`value of ${key}`),
    keys: () => Promise.reject(new Error('no')),
  };
  const { sent, ask } = bench(texts);
  await ask({ what: 'get', key: 'k' });
  await ask({ what: 'keys' });
  expect(sent).toEqual([
    { to: 'answer', request: 1, value: 'value of k' },
    { to: 'answer', request: 1, error: expect.objectContaining({ message: 'no' }) as unknown },
  ]);
});

test('an update runs the plugin’s function in its worker, on the current text', async () => {
  const texts = { change: async (_key: string, _scope: undefined, change: (text: string) => unknown) => change('1') };
  const { sent, server, ask } = bench(texts);
  const served = ask({ what: 'change', key: 'k', as: 'Store.update' });
  expect(sent).toEqual([{ to: 'change', request: 1, current: '1' }]);
  server.changed({ is: 'changed', request: 1, next: '2' });
  await served;
  expect(sent.at(-1)).toEqual({ to: 'answer', request: 1, value: '2' });
});

test('a request of a call that has ended is refused, at the plugin’s place', async () => {
  const { sent, ask } = bench({});
  await ask({ what: 'get', key: 'k', call: 7 });
  expect(sent).toEqual([
    {
      to: 'answer',
      request: 1,
      error: expect.objectContaining({ code: 'JP_RUN_OVER', plugin: 'badge', line: 3 }) as unknown,
    },
  ]);
});

test('updates that wait for a worker fail when it ends, and so do later ones', async () => {
  const texts = { change: async (_key: string, _scope: undefined, change: (text: string) => unknown) => change('1') };
  const { sent, server, ask } = bench(texts);
  const served = ask({ what: 'change', key: 'k', as: 'Store.update' });
  server.close(new JetplugError('JP_PLUGIN_PROCESS_ENDED', 'gone'));
  await served;
  await ask({ what: 'change', key: 'k', as: 'Store.update' });
  const answers = sent.filter(({ to }) => to === 'answer');
  expect(answers).toEqual(
    [1, 2].map(() => ({ to: 'answer', request: 1, error: expect.objectContaining({ message: 'gone' }) as unknown })),
  );
});
