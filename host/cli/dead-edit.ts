import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JetplugError } from '../../sdk/internal';
import { layOut } from '../base/json-text';
import { utf8 } from '../base/utf8';
import type { DeadLetterSummary } from '../ops/dead-letter-summary';
import { payloadFor } from '../ops/letters/edited-payload';
import { noLetter } from '../ops/letters/letter-filter';
import type { LetterServices } from '../ops/letters/letter-services';
import { withLeftParts, type RedriveOptions } from '../ops/letters/redrive';
import { commandUser } from './audited-command';

/**
 * Opens the payload of the letter in the user's editor. Resolves with the edited payload.
 * @throws JetplugError `JP_USAGE` if several letters are chosen, the editor fails, or the payload is unchanged;
 * `JP_EVENT_INVALID` if the text is not JSON or too large. The text is then kept in its file.
 */
export async function editPayload(
  letters: readonly DeadLetterSummary[],
  { stream, connection, config }: LetterServices,
): Promise<NonNullable<RedriveOptions['edited']>> {
  const [letter] = letters;
  if (!letter || letters.length > 1)
    throw new JetplugError('JP_USAGE', `--edit takes one dead letter, and ${letters.length} are chosen`);
  const stored = await stream.get(letter.id);
  if (!stored) throw noLetter(letter.id);
  const { payload } = await withLeftParts(stored, connection);
  const folder = mkdtempSync(join(tmpdir(), 'jetplug-edit-'));
  const file = join(folder, `dead-letter-${letter.id}.json`);
  const before = laidOut(payload);
  writeFileSync(file, before, { mode: 0o600 });
  edit(file);
  const text = readFileSync(file, 'utf8');
  const edited = payloadFor(text, config.delivery.maxPayloadBytes, file);
  rmSync(folder, { recursive: true });
  if (text === before) throw new JetplugError('JP_USAGE', 'the payload was not edited, and nothing was redriven');
  return { payload: edited, by: commandUser() };
}

function laidOut(payload: Uint8Array): string {
  const text = utf8(payload);
  try {
    JSON.parse(text);
    return `${layOut(text, 2)}\n`;
  } catch {
    return text; // Invalid JSON may be the reason for the letter.
  }
}

/** Runs the editor, whose variable may contain flags. */
function edit(file: string): void {
  const editor = process.env['VISUAL'] || process.env['EDITOR'] || 'vi';
  const { status, error } = spawnSync('sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit' });
  if (status === 0) return;
  throw new JetplugError('JP_USAGE', `the editor ${JSON.stringify(editor)} has failed`, {
    hint: 'Set EDITOR to the command of an editor. It must wait until the file is closed.',
    cause: error,
  });
}
