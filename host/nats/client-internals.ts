import type { Msg, NatsConnection } from 'nats';

/** What the client has and does not show, as it is in the version that package.json pins. */
interface ConnectionInternals {
  readonly protocol: {
    sendCommand(command: string): void;
    readonly lastError?: { readonly code: string; readonly message: string };
  };
}
interface MsgInternals {
  /** Its sizes; of the header block -1 where there is none. */
  readonly _msg: { readonly hdr: number };
  /** Header block and payload. */
  readonly _rdata: Uint8Array;
}

/** A message as it was sent: first the block of its headers, of so many bytes, then the payload. */
export function bytesOf(message: Msg): { readonly bytes: Uint8Array; readonly headerBytes: number } {
  const { _msg: sizes, _rdata: bytes } = message as Msg & MsgInternals;
  return { bytes, headerBytes: Math.max(0, sizes.hdr) };
}

/** The server's words for an error of which the client's status has only the code; else the code. */
export function serversWords(nc: NatsConnection, code: string): string {
  const { lastError } = (nc as NatsConnection & ConnectionInternals).protocol;
  // The protocol has the words in quotes.
  return lastError?.code === code ? lastError.message.replace(/^'(.*)'$/, '$1') : code;
}

/** Sends commands of the protocol, each with its payload and the line's end, in one piece: `publish` takes three for each. */
export function sendCommands(nc: NatsConnection, commands: string): void {
  (nc as NatsConnection & ConnectionInternals).protocol.sendCommand(commands);
}
