import { JetplugError } from '../../sdk/internal';

/** The query of a request: a text for each name. A name that is repeated has its last value. */
export type Query = Readonly<Record<string, string | undefined>>;

export function queryOf(query: unknown): Query {
  const entries = Object.entries((query ?? {}) as Record<string, string | string[]>);
  return Object.fromEntries(entries.map(([name, value]) => [name, Array.isArray(value) ? value.at(-1) : value]));
}

/**
 * Reads a whole number of a query.
 * @throws JetplugError `JP_USAGE`
 */
export function numberIn(query: Query, name: string, standard: number, max: number): number {
  const text = query[name];
  if (text === undefined || text === '') return standard;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= max) return number;
  throw new JetplugError(
    'JP_USAGE',
    `${name} is a number from 1 to ${max}, and not ${JSON.stringify(text.slice(0, 50))}`,
  );
}

/**
 * Reads the body of a request, which is a JSON object.
 * @throws JetplugError `JP_USAGE`
 */
export function objectIn(body: unknown): Record<string, unknown> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new JetplugError('JP_USAGE', 'the body of the request is not a JSON object');
}

/**
 * Reads a text of a query or a body.
 * @throws JetplugError `JP_USAGE` if it is missing
 */
export function textIn(from: Readonly<Record<string, unknown>>, name: string): string {
  const value = from[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new JetplugError('JP_USAGE', `${name} is missing`);
}

/** Returns the payload of a body as JSON text. A text keeps its numbers as they were typed. */
export function payloadTextIn(body: Readonly<Record<string, unknown>>): string | undefined {
  const { payload, payloadText } = body;
  if (typeof payloadText === 'string') return payloadText;
  return payload === undefined ? undefined : JSON.stringify(payload);
}
