/** A query of examples/recipes/when as a request of NATS: the caller has an answer or an error within its own time. */
import type { NatsConnection } from 'nats';
import { askPrice, priceOf, PRICE_SUBJECT } from '../../examples/recipes/when/prices';
import { recipe } from '../support/recipe';
import { Scene } from '../support/scene';

const scene = new Scene();
let nats: NatsConnection;
beforeAll(async () => {
  nats = await scene.client((await scene.server()).url);
  const jsm = await nats.jetstreamManager();
  for (const { name, subjects } of recipe('when').config.streams) await jsm.streams.add({ name, subjects });
});
afterAll(() => scene.end());

/** Answers requests for a price until the test ends. */
function answerWith(answer: (sku: string) => string | undefined): () => void {
  const subscription = nats.subscribe(PRICE_SUBJECT, {
    callback: (_error, message) => {
      const text = answer(message.string());
      if (text !== undefined) message.respond(text);
    },
  });
  return () => subscription.unsubscribe();
}

test('a question is answered in the same call', async () => {
  const stop = answerWith((sku) => String(priceOf(sku)));
  expect(await askPrice(nats, 'tea')).toBe(300);
  stop();
});

test('a question that no program takes fails at once', async () => {
  const startedAtMs = performance.now();
  await expect(askPrice(nats, 'tea', 20_000)).rejects.toMatchObject({ code: '503' });
  expect(performance.now() - startedAtMs).toBeLessThan(5_000);
});

test('a question that a program does not answer fails when the time of the caller is over', async () => {
  const stop = answerWith(() => undefined);
  await expect(askPrice(nats, 'tea', 100)).rejects.toMatchObject({ code: 'TIMEOUT' });
  stop();
});

test('an answer that is no price is refused', async () => {
  const stop = answerWith(() => '{"stream":"SHOP","seq":1}');
  await expect(askPrice(nats, 'tea')).rejects.toThrow('the answer is no price: {"stream"');
  stop();
});
