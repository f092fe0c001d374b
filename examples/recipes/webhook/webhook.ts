/** Sends events to one receiver over HTTP. Each receiver has a plugin of its own, which injects this class. */
import { readFile } from 'node:fs/promises';
import {
  Clock,
  Reject,
  RetryLater,
  Settings,
  type Envelope,
  type EventContext,
  type SubscribeOptions,
} from 'jetplug/sdk';
import { Lifecycle, scoped } from 'tsyringe';
import { z } from 'zod';
import { keyOf, signatureOf } from './signature';

export const webhookSettings = z.object({
  /** The receiver's address. `http` is allowed for this machine only, because others could read the events. */
  url: z.url().refine(isSafe, 'must begin with https://, or with http:// for this machine, and have no password'),
  /** The file with the secret that this receiver and nobody else shares: `whsec_…`. */
  secretFile: z.string().min(1),
});

type WebhookSettings = z.infer<typeof webhookSettings>;

/**
 * The options of each webhook's handler. It has no `key`, because one failing event of a key would delay the later ones.
 * An event that fails while others succeed is tried for 19 hours. If all fail, they wait in the stream.
 */
export const WEBHOOK = {
  concurrency: 4,
  timeout: '10s',
  retry: { attempts: 8, backoff: ['10s', '1m', '10m', '1h', '6h'] },
} satisfies SubscribeOptions;

const MIN_WAIT_MS = 1_000;
const MAX_WAIT_MS = 86_400_000;

@scoped(Lifecycle.ContainerScoped)
export class Webhook {
  constructor(
    private readonly settings: Settings<WebhookSettings>,
    private readonly clock: Clock,
  ) {}

  /** Fails if the secret cannot be read, so that the plugin does not start. */
  async check(): Promise<void> {
    await this.readKey();
  }

  /**
   * Sends one event.
   * @throws Reject if the receiver refuses the event, RetryLater if it names a time, another error if it failed
   */
  async send(event: Envelope, { signal }: EventContext): Promise<void> {
    const url = new URL(this.settings.value.url);
    const body = JSON.stringify(event);
    const headers = await this.headersOf(event.event_id, body);
    // The host ends the run at its timeout, and the signal ends the request. No redirect is followed: the event would
    // go to an address that nobody has configured.
    const request = fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    const response = await request.catch((cause: unknown) => {
      // The path of the address may be a secret, so that only its host is named.
      throw new Error(`the receiver ${url.host} does not answer`, { cause });
    });
    await response.body?.cancel();
    judge(response, url.host, this.clock.now());
  }

  /** The event's id is the same in each attempt: a receiver that has seen it drops the repeat. */
  private async headersOf(id: string, body: string): Promise<Record<string, string>> {
    if (!/^[\x21-\x7e]+$/.test(id)) throw new Reject('the event id has characters that no HTTP header can have');
    const seconds = Math.floor(this.clock.now().getTime() / 1_000);
    return {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(seconds),
      'webhook-signature': signatureOf(await this.readKey(), id, seconds, body),
    };
  }

  /** Reads the file for each event, so that a new secret needs no restart. */
  private async readKey(): Promise<Buffer> {
    return keyOf(await readFile(this.settings.value.secretFile, 'utf8'));
  }
}

/** A receiver's answer decides between done, a dead letter, a wait that the receiver names, and a retry. */
function judge({ status, headers }: Response, host: string, now: Date): void {
  if (status >= 200 && status < 300) return;
  const answer = `the receiver ${host} answered ${status}`;
  const waitMs = status === 429 ? retryAfterMs(headers.get('retry-after'), now) : undefined;
  if (waitMs !== undefined) throw new RetryLater(`${waitMs}ms`, answer);
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) throw new Reject(answer);
  throw new Error(answer);
}

/** The wait that `Retry-After` asks for, in seconds or as a date; `undefined` if it has neither. */
export function retryAfterMs(value: string | null, now: Date): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now.getTime();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, MIN_WAIT_MS), MAX_WAIT_MS);
}

function isSafe(text: string): boolean {
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  return protocol === 'https:' || (protocol === 'http:' && isLoopback);
}
