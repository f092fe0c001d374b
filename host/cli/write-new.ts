import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { JetplugError } from '../../sdk/internal';
import { place } from './output';

export interface NewFile {
  readonly file: string;
  readonly text: string;
}

/**
 * Writes a file and its folders.
 * @returns false if there is a file of that name, which stays as it is
 * @throws JetplugError `JP_FILE_UNWRITABLE`
 */
export function writeNew({ file, text }: NewFile): boolean {
  // A link that leads nowhere exists for the file system only: `wx` refuses it too.
  if (existsSync(file)) return false;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { flag: 'wx' });
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST' && existsSync(file)) return false;
    throw new JetplugError('JP_FILE_UNWRITABLE', `${place(file)} cannot be written`, { file, cause });
  }
}
