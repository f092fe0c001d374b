/** A protocol command of a NATS client, parsed as far as published messages need it. */
export interface ClientCommand {
  /** The bytes of the command. */
  readonly bytes: Buffer;
  /** Empty where the command publishes nothing. */
  readonly subject: string;
  /** The reply subject. */
  readonly reply?: string;
  /** Headers and payload. */
  readonly payload: string;
}

const LINE_END = '\r\n';

/** Parses the bytes of one connection, chunk by chunk, into complete commands. */
export function clientCommands(): (chunk: Buffer) => ClientCommand[] {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    const commands: ClientCommand[] = [];
    for (let command = firstOf(rest); command; command = firstOf(rest)) {
      commands.push(command);
      rest = rest.subarray(command.bytes.length);
    }
    return commands;
  };
}

function firstOf(bytes: Buffer): ClientCommand | undefined {
  const end = bytes.indexOf(LINE_END);
  if (end < 0) return undefined;
  const bodyAt = end + LINE_END.length;
  const [verb, subject = '', ...args] = bytes.toString('latin1', 0, end).split(' ');
  if (verb !== 'PUB' && verb !== 'HPUB') return { bytes: bytes.subarray(0, bodyAt), subject: '', payload: '' };
  // PUB <subject> [reply] <size>, HPUB <subject> [reply] <size of headers> <size of all>
  const sizes = verb === 'PUB' ? 1 : 2;
  const bodyEnd = bodyAt + Number(args.at(-1));
  if (bytes.length < bodyEnd + LINE_END.length) return undefined;
  const reply = args.length > sizes ? args[0] : undefined;
  return {
    bytes: bytes.subarray(0, bodyEnd + LINE_END.length),
    subject,
    ...(reply !== undefined && { reply }),
    payload: bytes.toString('latin1', bodyAt, bodyEnd),
  };
}
