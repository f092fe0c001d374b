/** The right choice: a request, whose answer or error comes within a time that the caller chooses. */

/** The part of a NATS connection that a question needs: `await connect({ servers })` of the package `nats` has it. */
export interface Requests {
  request(subject: string, payload: string, options: { timeout: number }): Promise<{ string(): string }>;
}

/** No stream may hold this subject: its ack would be the first answer to each request. */
export const PRICE_SUBJECT = 'prices.get';

/**
 * Asks for the price of an article, in cents.
 * @throws the client's error: at once if no program answers on the subject, else when `timeoutMs` is over
 */
export async function askPrice(nats: Requests, sku: string, timeoutMs = 1_000): Promise<number> {
  const answer = await nats.request(PRICE_SUBJECT, sku, { timeout: timeoutMs });
  const text = answer.string();
  if (!/^\d+$/.test(text)) throw new Error(`the answer is no price: ${text}`);
  return Number(text);
}

/** Any rule: here an article costs 100 cents for each character of its name. */
export function priceOf(sku: string): number {
  return 100 * sku.length;
}
