import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** The channel on which `fetch` and undici announce each request before it is sent. */
const FETCH = 'undici:request:create';
/** The same for `node:http` and `node:https`, from Node.js 22.12 on. */
const HTTP = 'http.client.request.created';

type Headers = Readonly<Record<string, string>>;

/** The parts of undici's request that are used. Some versions of undici keep the headers in one text. */
interface FetchRequest {
  readonly headers: unknown;
  addHeader(name: string, value: string): void;
}

interface HttpRequest {
  hasHeader(name: string): boolean;
  setHeader(name: string, value: string): void;
}

/**
 * Adds headers to each HTTP request of this process that does not have them.
 * @param headersNow returns the headers for the code that makes the request; undefined to add none
 * @returns a function that ends it
 */
export function traceRequests(headersNow: () => Headers | undefined): () => void {
  const onFetch = (message: unknown): void => {
    const { request } = message as { request: FetchRequest };
    for (const [name, value] of Object.entries(headersNow() ?? {})) {
      if (!hasHeader(request.headers, name)) request.addHeader(name, value);
    }
  };
  const onHttp = (message: unknown): void => {
    const { request } = message as { request: HttpRequest };
    for (const [name, value] of Object.entries(headersNow() ?? {})) {
      if (!request.hasHeader(name)) request.setHeader(name, value);
    }
  };
  subscribe(FETCH, onFetch);
  subscribe(HTTP, onHttp);
  return () => {
    unsubscribe(FETCH, onFetch);
    unsubscribe(HTTP, onHttp);
  };
}

/** @param headers names and values by turns, or lines */
function hasHeader(headers: unknown, name: string): boolean {
  if (typeof headers === 'string') return `\n${headers}`.toLowerCase().includes(`\n${name}:`);
  return Array.isArray(headers) && headers.some((each, i) => i % 2 === 0 && String(each).toLowerCase() === name);
}
