import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Draft } from './draft';
import type { Written } from './merge';

/** Reads every file that `nats.credentials` and `nats.tls` name, so that a missing file is reported at start, with its key. */
export function checkCredentialFiles({ nats }: Written, cwd: string, draft: Draft): void {
  const { passwordFile, tokenFile, credsFile, nkeyFile } = nats.credentials;
  const { caFile, certFile, keyFile } = nats.tls;
  const files = { passwordFile, tokenFile, credsFile, nkeyFile };
  for (const [name, file] of Object.entries(files)) check(file, `nats.credentials.${name}`);
  for (const [name, file] of Object.entries({ caFile, certFile, keyFile })) check(file, `nats.tls.${name}`);

  function check(file: string | null, key: string): void {
    if (file !== null) checkFile(path.resolve(cwd, file), key, draft);
  }
}

function checkFile(file: string, key: string, draft: Draft): void {
  const refuse = (what: string, hint: string): void => draft.reportValue(key, draft.sourceOf(key), what, hint);
  try {
    if (readFileSync(file, 'utf8').trim() === '')
      refuse(`names ${file}, which is empty`, 'Write the secret into the file.');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    refuse(
      `names ${file}, which cannot be read (${code})`,
      'Correct the path, which counts from where the host was started.',
    );
  }
}
