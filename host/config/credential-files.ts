import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Draft } from './draft';
import type { Written } from './merge';

/** The secrets that stand in files of their own. */
export interface FileSecrets {
  readonly password?: string;
  readonly token?: string;
}

/** Reads every file that credentials and TLS name, so that a missing one is reported now and by its key. */
export function readCredentialFiles({ nats }: Written, cwd: string, draft: Draft): FileSecrets {
  const { passwordFile, tokenFile, credsFile, nkeyFile } = nats.credentials;
  const read = (file: string | null, key: string): string | undefined =>
    file === null ? undefined : readText(path.resolve(cwd, file), `nats.${key}`, draft);

  const password = read(passwordFile, 'credentials.passwordFile');
  const token = read(tokenFile, 'credentials.tokenFile');
  read(credsFile, 'credentials.credsFile');
  read(nkeyFile, 'credentials.nkeyFile');
  read(nats.tls.caFile, 'tls.caFile');
  read(nats.tls.certFile, 'tls.certFile');
  read(nats.tls.keyFile, 'tls.keyFile');
  return { ...(password && { password }), ...(token && { token }) };
}

function readText(file: string, key: string, draft: Draft): string | undefined {
  const refuse = (what: string, hint: string): void => draft.reportValue(key, draft.sourceOf(key), what, hint);
  try {
    // Editors end a file with a line break that is no part of the secret.
    const text = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    if (text.trim() !== '') return text;
    refuse(`names ${file}, which is empty`, 'Write the secret into the file.');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    refuse(
      `names ${file}, which cannot be read (${code})`,
      'Correct the path, which counts from where the host was started.',
    );
  }
  return undefined;
}
