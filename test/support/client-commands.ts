/** What a NATS client says to its server, as far as one must know it to recognise what it publishes. */
export interface ClientCommand {
  /** As it came. */
  readonly bytes: Buffer;
  /** Empty where the command publishes nothing. */
  readonly subject: string;
  /** Where it wants an answer. */
  readonly reply?: string;
  /** The headers as well. */
  readonly payload: string;
}

const LINE_END = '\r\n';

/** Takes one connection's bytes chunk by chunk and gives the commands that are complete. */
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
