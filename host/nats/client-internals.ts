import type { Msg, NatsConnection } from './client';

/** Fields that the client has but does not publish, in the version that package.json pins. */
interface ConnectionInternals {
  readonly protocol: {
    sendCommand(command: string): void;
    readonly lastError?: { readonly code: string; readonly message: string };
  };
}
interface MsgInternals {
  /** `hdr`: the size of the header block in bytes; -1 where there is none. */
  readonly _msg: { readonly hdr: number };
  /** Header block and payload. */
  readonly _rdata: Uint8Array;
}

/** A message's bytes: the header block of `headerBytes` bytes, then the payload. */
export function bytesOf(message: Msg): { readonly bytes: Uint8Array; readonly headerBytes: number } {
  const { _msg: sizes, _rdata: bytes } = message as Msg & MsgInternals;
  return { bytes, headerBytes: Math.max(0, sizes.hdr) };
}

/** The server's own text of an error whose code is all that the client's status has; else the code. */
export function serverText(nc: NatsConnection, code: string): string {
  const { lastError } = (nc as NatsConnection & ConnectionInternals).protocol;
  // The protocol puts the text in quotes.
  return lastError?.code === code ? lastError.message.replace(/^'(.*)'$/, '$1') : code;
}

/** Sends protocol commands, each complete with its payload, in one write. The client's `publish` makes three writes for each. */
export function sendCommands(nc: NatsConnection, commands: string): void {
  (nc as NatsConnection & ConnectionInternals).protocol.sendCommand(commands);
}
