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
  const names = headers?.keys() ?? [];
  const several = names.filter((name) => headers!.values(name).length > 1);
  return {
    headers: Object.fromEntries(names.map((name) => [name, headers!.last(name)])),
    ...(several.length > 0 && { repeated: Object.fromEntries(several.map((name) => [name, headers!.values(name)])) }),
  };
}
