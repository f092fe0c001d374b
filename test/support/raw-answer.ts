import type { Msg } from 'nats';
import { MsgImpl } from 'nats/lib/nats-base-client/msg';

type Headers = Readonly<Record<string, number | string>>;

/** A message of the client, as it arrives from a server. A header with an empty value is left out. */
export function rawAnswer(status: string, headers: Headers, payload = ''): Msg {
  const lines = Object.entries(headers)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${value}\r\n`);
  const block = `NATS/1.0${status === '' ? '' : ` ${status}`}\r\n${lines.join('')}\r\n`;
  const bytes = Buffer.from(block + payload);
  const sizes = { sid: 1, subject: Buffer.from('inbox'), hdr: Buffer.byteLength(block), size: bytes.length };
  return new MsgImpl(sizes, bytes, undefined as never) as Msg;
}
