import { layOut } from '../base/json-text';
import { terminalText, utf8 } from '../base/utf8';
import { decodeHeader } from '../broker/letter-headers';
import { summarise } from '../ops/dead-letter-summary';
import type { CommonFlags } from './common';
import { withLetters } from './dead-letters';
import { noLetter } from '../ops/letters/letter-filter';
import { numberOf } from './dead-selection';
import { paint, print, printJson, table } from './output';

/** Prints one dead letter: its facts, the error with its stack, and the payload. */
export async function show(idText: string, flags: CommonFlags): Promise<void> {
  const id = numberOf(idText);
  const letter = await withLetters(flags, ({ stream }) => stream.get(id));
  if (!letter) throw noLetter(id);
  const stack = decodeHeader(letter.headers['x-error-stack'] ?? '');
  const { text, form } = readable(letter.payload);
  if (flags.json) {
    const payload = form === 'base64' ? { payloadBase64: text } : { payload: text };
    return printJson({ ...summarise(letter), stack, ...payload, headers: { ...letter.headers, ...letter.repeated } });
  }
  const { error, ...facts } = summarise(letter);
  const rows = Object.entries(facts).map(([key, value]) => [paint('dim', key), terminalText(String(value))]);
  for (const line of table(rows)) print(line);
  print(`\n${paint('red', terminalText(error))}\n${paint('dim', terminalText(stack))}\n`);
  const leftBytes = letter.headers['x-payload-left-in-stream'];
  if (leftBytes !== undefined)
    return print(`payload (${leftBytes} bytes) left in its stream: nats stream get ${facts.stream} ${facts.sequence}`);
  const title = `payload (${letter.payload.length} bytes${form === 'base64' ? ', base64' : ''})`;
  print(`${paint('dim', title)}\n${terminalText(text)}`);
}

/**
 * Formats a payload for the screen. JSON is indented, and its numbers stay as they were sent. Other text is unchanged.
 * Bytes become base64.
 */
function readable(payload: Uint8Array): { text: string; form: 'text' | 'base64' } {
  let text: string;
  try {
    text = utf8(payload);
  } catch {
    return { text: Buffer.from(payload).toString('base64'), form: 'base64' };
  }
  try {
    JSON.parse(text);
    return { text: layOut(text, 2), form: 'text' };
  } catch {
    return { text, form: 'text' }; // Invalid JSON may be the reason for the letter.
  }
}
