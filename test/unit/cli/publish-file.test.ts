import { join } from 'node:path';
import { publishFile } from '../../../host/cli/publish-file';
import type { OutgoingEvent } from '../../../host/broker/ports';
import type { Publisher } from '../../../host/nats/publisher';
import { JetplugError } from '../../../sdk/internal';
import { Scene } from '../../support/scene';

const scene = new Scene();
afterAll(() => scene.end());

let sent: string[];
beforeEach(() => (sent = []));

function file(text: string): string {
  return join(scene.folder({ 'events.ndjson': text }), 'events.ndjson');
}

async function read(bytes: Uint8Array): Promise<OutgoingEvent> {
  const id = Buffer.from(bytes).toString();
  if (id.startsWith('bad')) throw new JetplugError('JP_EVENT_INVALID', `${id} is invalid`);
  return { id, subject: 's', payload: '{}', headers: {} };
}

/** Publishes the text as a file with a publisher that fails at `refused`. */
function publish(text: string) {
  const publisher = {
    send: async ({ id }: OutgoingEvent) => {
      if (id === 'refused') throw new JetplugError('JP_PUBLISH_NO_STREAM', 'no stream holds s');
      sent.push(id);
    },
  } as unknown as Publisher;
  return publishFile(file(text), read, async (send) => {
    await send(publisher);
    return 'connected';
  });
}

test('each line that is not empty is published, and the result of the connection is returned', async () => {
  const { total, result } = await publish('a\n\nb\r\nc');
  expect([total, result]).toEqual([3, 'connected']);
  expect(sent.sort()).toEqual(['a', 'b', 'c']);
});

test('an invalid line is reported with its number, and nothing is published', async () => {
  const failure = (await publish('a\n\nbad\n').catch((error: unknown) => error)) as AggregateError;
  expect(failure.errors).toMatchObject([
    { code: 'JP_EVENT_INVALID', message: 'bad is invalid', line: 3 },
    { code: 'JP_EVENT_INVALID', message: '1 of 2 lines are invalid; nothing was published' },
  ]);
  expect(sent).toEqual([]);
});

test('of many invalid lines the first ten are listed', async () => {
  const failure = (await publish('bad\n'.repeat(12)).catch((error: unknown) => error)) as AggregateError;
  expect(failure.errors).toHaveLength(11);
  expect(failure.errors.at(-1)).toMatchObject({ message: expect.stringContaining('12 of 12 lines are invalid, the') });
});

test('a publish that fails is reported with the number of published events', async () => {
  await expect(publish('a\nrefused\n')).rejects.toMatchObject({
    code: 'JP_PUBLISH_NO_STREAM',
    message: 'no stream holds s; 1 of 2 events were published',
  });
});
