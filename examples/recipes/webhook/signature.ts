/** The signature of https://www.standardwebhooks.com. Receivers can verify it with a library, in many languages. */
import { createHmac } from 'node:crypto';

const MIN_KEY_BYTES = 24;

/**
 * Returns the key of a secret such as `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`.
 * @throws Error if the text has another form. The message does not contain the text.
 */
export function keyOf(secret: string): Buffer {
  const [, base64 = ''] = /^whsec_([A-Za-z0-9+/]+=*)$/.exec(secret.trim()) ?? [];
  const key = Buffer.from(base64, 'base64');
  if (key.length >= MIN_KEY_BYTES) return key;
  throw new Error(`the secret is not "whsec_" followed by at least ${MIN_KEY_BYTES} bytes in Base64`);
}

/** Signs the id and the time as well, so that nobody can send a recorded request again later or under another id. */
export function signatureOf(key: Buffer, id: string, seconds: number, body: string): string {
  const digest = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return `v1,${digest}`;
}
