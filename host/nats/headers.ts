import type { AllHeaders } from '../broker/headers';
import { newHeaders, type MsgHdrs } from './client';

/** Returns the headers as the client's object, with every value of those that have several. */
export function toHeaders({ headers, repeated }: AllHeaders): MsgHdrs {
  const built = newHeaders();
  for (const name in headers) {
    const values = repeated && Object.hasOwn(repeated, name) ? repeated[name]! : [headers[name]!];
    for (const value of values) built.append(name, value);
  }
  return built;
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
