import { createHmac } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { TestClock, testHost } from 'jetplug/testing';
import { AccountingWebhookPlugin } from '../../examples/recipes/webhook/accounting-webhook.plugin';
import { InvoiceIssued } from '../../examples/recipes/webhook/contracts/invoices';
import { signatureOf, keyOf } from '../../examples/recipes/webhook/signature';
import { retryAfterMs } from '../../examples/recipes/webhook/webhook';
import { freePort } from '../support/free-port';
import { Receiver, type ReceiverAnswer } from '../support/receiver';
import { recipe } from '../support/recipe';
import { Scene } from '../support/scene';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const INVOICE = { invoice_id: 'i1', customer_id: 'c1', cents: 1_250, currency: 'EUR' };
const NOW = new Date('2026-05-12T12:00:00.000Z');

const scene = new Scene();
let receiver: Receiver;
let secretFile: string;

beforeEach(async () => {
  receiver = await Receiver.start();
  secretFile = join(scene.folder({ secret: `${SECRET}\n` }), 'secret');
});
afterEach(async () => {
  await receiver.stop();
  await scene.end();
});

function start(settings: object = {}) {
  return testHost([AccountingWebhookPlugin], {
    clock: new TestClock(NOW),
    config: recipe('webhook').config,
    settings: { 'accounting-webhook': { url: `${receiver.url}/hooks/path-token`, secretFile, ...settings } },
  });
}

/** Publishes one invoice, and answers the requests for it with these answers, then with 200. */
async function sent(...answers: ReceiverAnswer[]) {
  receiver.rule = () => answers.shift() ?? { status: 200 };
  const host = await start();
  await host.publish(InvoiceIssued, INVOICE, { id: 'e1' });
  await host.settled();
  await host.stop();
  return host;
}

const secondsOf = (index: number): number => Number(receiver.requests[index]!.headers['webhook-timestamp']);

test('sends the event as JSON with its id, the time and a signature of all three', async () => {
  const host = await sent();
  const [{ path, headers, body }] = receiver.requests as [Receiver['requests'][number]];
  expect(path).toBe('/hooks/path-token');
  expect(JSON.parse(body)).toEqual({
    event_type: 'invoice.issued',
    event_id: 'e1',
    timestamp: expect.stringMatching(/Z$/),
    ...INVOICE,
  });
  expect(headers).toMatchObject({ 'content-type': 'application/json', 'webhook-id': 'e1' });
  expect(secondsOf(0)).toBe(NOW.getTime() / 1_000);
  const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64');
  const digest = createHmac('sha256', key)
    .update(`e1.${secondsOf(0)}.${body}`)
    .digest('base64');
  expect(headers['webhook-signature']).toBe(`v1,${digest}`);
  expect(host.deadLetters()).toEqual([]);
});

test('sends only the fields of the contract', async () => {
  const host = await start();
  await host.publishRaw('invoice.issued', { ...INVOICE, margin: 0.4 });
  await host.settled();
  await host.stop();
  expect(receiver.requests[0]!.body).toContain('c1');
  expect(receiver.requests[0]!.body).not.toContain('margin');
});

test.each([400, 401, 403, 404, 410, 422])('makes a dead letter of an event that is refused with %i', async (status) => {
  const host = await sent({ status });
  expect(receiver.requests).toHaveLength(1);
  const message = expect.stringContaining(`answered ${status}`);
  expect(host.deadLetters()).toMatchObject([{ plugin: 'accounting-webhook', reason: 'rejected', error: message }]);
});

test.each([408, 429, 500, 502, 503])('sends the event again with the same id after %i', async (status) => {
  const host = await sent({ status }, { status });
  expect(receiver.requests.map(({ headers }) => headers['webhook-id'])).toEqual(['e1', 'e1', 'e1']);
  expect(secondsOf(1)).toBeGreaterThanOrEqual(secondsOf(0) + 8);
  expect(host.deadLetters()).toEqual([]);
});

test('waits as long as Retry-After says, and counts no attempt', async () => {
  const tooMany = { status: 429, headers: { 'retry-after': '120' } };
  const host = await sent(...Array<ReceiverAnswer>(10).fill(tooMany));
  expect(receiver.requests).toHaveLength(11);
  for (let i = 1; i <= 10; i++) expect(secondsOf(i) - secondsOf(i - 1)).toBeGreaterThanOrEqual(120);
  expect(host.deadLetters()).toEqual([]);
});

test('reads Retry-After in seconds or as a date, within a second and a day', () => {
  expect(retryAfterMs('120', NOW)).toBe(120_000);
  expect(retryAfterMs('Tue, 12 May 2026 12:01:30 GMT', NOW)).toBe(90_000);
  expect(retryAfterMs('0', NOW)).toBe(1_000);
  expect(retryAfterMs('Tue, 12 May 2026 11:00:00 GMT', NOW)).toBe(1_000);
  expect(retryAfterMs('99999999', NOW)).toBe(86_400_000);
  expect(retryAfterMs('soon', NOW)).toBeUndefined();
  expect(retryAfterMs(null, NOW)).toBeUndefined();
});

test('follows no redirect', async () => {
  const other = await Receiver.start();
  const host = await sent({ status: 307, headers: { location: `${other.url}/elsewhere` } });
  await other.stop();
  expect(other.requests).toEqual([]);
  expect(receiver.requests).toHaveLength(2);
  expect(host.deadLetters()).toEqual([]);
});

test('retries an event when nothing listens at the address', async () => {
  const host = await start({ url: `http://127.0.0.1:${await freePort()}` });
  await host.publish(InvoiceIssued, INVOICE);
  await host.settled();
  expect(host.deadLetters()).toMatchObject([{ reason: 'attempts-exhausted', attempts: 8 }]);
  await host.stop();
});

test('ends a request that has no answer at the timeout of the handler', async () => {
  receiver.rule = () => 'hang';
  const host = await start();
  await host.publish(InvoiceIssued, INVOICE);
  while (receiver.requests.length === 0) await new Promise(setImmediate);
  receiver.rule = () => ({ status: 200 });
  await host.clock.advance('11s');
  await host.settled();
  expect(receiver.requests).toHaveLength(2);
  await host.stop();
});

test('logs neither the secret nor the path of the address', async () => {
  const host = await sent({ status: 500 }, { status: 404 });
  const written = inspect([host.logged, host.deadLetters().map(({ headers }) => headers)], { depth: 10 });
  expect(written).toContain('answered 500');
  expect(written).not.toContain(SECRET.slice('whsec_'.length));
  expect(written).not.toContain('path-token');
});

test('takes a new secret from the file without a restart', async () => {
  const host = await start();
  await host.publish(InvoiceIssued, INVOICE, { id: 'e1' });
  await host.settled();
  const fresh = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  writeFileSync(secretFile, fresh);
  await host.publish(InvoiceIssued, INVOICE, { id: 'e2' });
  await host.settled();
  await host.stop();
  const { headers, body } = receiver.requests[1]!;
  expect(headers['webhook-signature']).toBe(signatureOf(keyOf(fresh), 'e2', secondsOf(1), body));
});

test('does not start without its secret', async () => {
  rmSync(secretFile);
  await expect(start()).rejects.toThrow(/ENOENT/);
  writeFileSync(secretFile, 'whsec_c2hvcnQ=');
  await expect(start()).rejects.toThrow(/at least 24 bytes/);
});

test.each(['http://receiver.example/hook', 'https://user:word@receiver.example/hook', 'ftp://127.0.0.1/hook'])(
  'refuses the address %s',
  async (url) => {
    await expect(start({ url })).rejects.toMatchObject({ code: 'JP_PLUGIN_SETTINGS_INVALID' });
  },
);

test('refuses an event id that no header can have', async () => {
  const host = await start();
  await host.publish(InvoiceIssued, INVOICE, { id: 'é1' });
  await host.settled();
  expect(host.deadLetters()).toMatchObject([{ reason: 'rejected' }]);
  expect(receiver.requests).toEqual([]);
  await host.stop();
});

test('signs as the published example of Standard Webhooks', () => {
  const signature = signatureOf(keyOf(SECRET), 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330, '{"test": 2432232314}');
  expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});
