import { readFileSync } from 'node:fs';
import path from 'node:path';
import { HTTP_TOKEN, isHttpToken } from './http-token';
import type { Draft } from './draft';
import type { Written } from './merge';

/**
 * Reads every file that `nats.credentials`, `nats.tls` and `http` name, so that a missing file is reported at start, with
 * its key.
 */
export function checkCredentialFiles({ nats, http }: Written, cwd: string, draft: Draft): void {
  const { passwordFile, tokenFile, credsFile, nkeyFile } = nats.credentials;
  const { caFile, certFile, keyFile } = nats.tls;
  const files = { passwordFile, tokenFile, credsFile, nkeyFile };
  for (const [name, file] of Object.entries(files)) check(file, `nats.credentials.${name}`);
  for (const [name, file] of Object.entries({ caFile, certFile, keyFile })) check(file, `nats.tls.${name}`);

  check(http.operatorTokenFile, 'http.operatorTokenFile', isHttpToken);
  check(http.readerTokenFile, 'http.readerTokenFile', isHttpToken);

  function check(file: string | null, key: string, accepts?: (secret: string) => boolean): void {
    if (file !== null) checkFile(path.resolve(cwd, file), key, draft, accepts);
  }
}

function checkFile(file: string, key: string, draft: Draft, accepts = (_secret: string): boolean => true): void {
  const refuse = (what: string, hint: string): void => draft.reportValue(key, draft.sourceOf(key), what, hint);
  try {
    const secret = readFileSync(file, 'utf8').trim();
    if (secret === '') refuse(`names ${file}, which is empty`, 'Write the secret into the file.');
    else if (!accepts(secret)) refuse(`names ${file}, which does not hold ${HTTP_TOKEN}`, 'Write a longer one.');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    refuse(
      `names ${file}, which cannot be read (${code})`,
      'Correct the path, which counts from where the host was started.',
    );
  }
}
