import type { AllHeaders } from '../broker/headers';
import { bytesOf, newHeaders, type Msg, type MsgHdrs } from './client';
import { HeaderBlock } from './header-block';

/** Returns the headers as the client's object, with every value of those that have several. */
export function toHeaders({ headers, repeated }: AllHeaders): MsgHdrs {
  const built = newHeaders();
  for (const name in headers) {
    const values = repeated && Object.hasOwn(repeated, name) ? repeated[name]! : [headers[name]!];
    for (const value of values) built.append(name, value);
  }
  return built;
}

/** Reads the headers of a message from its bytes, because the client takes several times as long to decode them. */
export function headersOf(message: Msg): AllHeaders {
  const { bytes, headerBytes } = bytesOf(message);
  if (headerBytes === 0) return { headers: {} };
  let block: HeaderBlock;
  try {
    block = new HeaderBlock(bytes, headerBytes);
  } catch {
    // The client skips the lines that are malformed, and returns the others.
    return readHeaders(message.headers);
  }
  const headers = block.all();
  return Object.keys(headers).length === block.size ? { headers } : { headers, repeated: block.repeated() };
}

export function readHeaders(headers: MsgHdrs | undefined): AllHeaders {
  const last: [name: string, value: string][] = [];
  const several: [name: string, values: readonly string[]][] = [];
  for (const [name, values] of headers ?? []) {
    last.push([name, values.at(-1) ?? '']);
    if (values.length > 1) several.push([name, values]);
  }
  return {
    headers: Object.fromEntries(last),
    ...(several.length > 0 && { repeated: Object.fromEntries(several) }),
  };
}
