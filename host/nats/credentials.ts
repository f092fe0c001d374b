import { readFileSync } from 'node:fs';
import {
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
  type Authenticator,
} from './client';
import { JetplugError } from '../../sdk/internal';
import type { CredentialsConfig } from '../config/config';

/** A login at the NATS server. The client calls it at each connect, so that files are read again each time. */
export interface Login {
  readonly authenticator: Authenticator;
  /** A description of the credentials for messages; never a secret. */
  readonly described: string;
}

/**
 * Returns the login for the credentials of the config. A secret in a file may be replaced while the host runs.
 * @param unreadable called when a file cannot be used at a reconnect; the previous secret is used then
 * @throws JetplugError `JP_BROKER_AUTH` when a file cannot be used at the first connect
 */
export function loginOf(
  credentials: CredentialsConfig,
  unreadable: (error: JetplugError) => void = () => undefined,
): Login | undefined {
  const { user, password, passwordFile, token, tokenFile, credsFile, nkeyFile } = credentials;
  if (user !== undefined) {
    if (passwordFile === undefined)
      return { authenticator: usernamePasswordAuthenticator(user, password), described: `user ${user}` };
    const login = (secret: Uint8Array): Authenticator => usernamePasswordAuthenticator(user, lineOf(secret));
    return {
      authenticator: rereading(passwordFile, login, unreadable),
      described: `user ${user} with the password in ${passwordFile}`,
    };
  }
  if (token !== undefined) return { authenticator: tokenAuthenticator(token), described: 'the token' };
  const ofFile: [file: string | undefined, what: string, login: (secret: Uint8Array) => Authenticator][] = [
    [tokenFile, 'the token in', (secret) => tokenAuthenticator(lineOf(secret))],
    [credsFile, 'the credentials in', credsAuthenticator],
    [nkeyFile, 'the nkey in', (secret) => nkeyAuthenticator(new TextEncoder().encode(lineOf(secret).trim()))],
  ];
  for (const [file, what, login] of ofFile) {
    if (file !== undefined) return { authenticator: rereading(file, login, unreadable), described: `${what} ${file}` };
  }
  return undefined;
}

/**
 * Reads the file at each login. A file that is missing or half written at that moment must not throw, because the
 * client would then close the connection for good. The previous secret is used instead.
 */
function rereading(
  file: string,
  login: (secret: Uint8Array) => Authenticator,
  unreadable: (error: JetplugError) => void,
): Authenticator {
  let before = read(file, login).secret;
  return (nonce) => {
    try {
      const { secret, answer } = read(file, login, nonce);
      before = secret;
      return answer;
    } catch (error) {
      unreadable(error as JetplugError);
      return login(before)(nonce);
    }
  };
}

/** Reads a secret and answers the server's nonce with it, so that an invalid secret is detected. */
function read(
  file: string,
  login: (secret: Uint8Array) => Authenticator,
  nonce?: string,
): { secret: Uint8Array; answer: ReturnType<Authenticator> } {
  try {
    const secret = readFileSync(file);
    if (lineOf(secret).trim() === '') throw new Error('it is empty');
    return { secret, answer: login(secret)(nonce) };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new JetplugError('JP_BROKER_AUTH', `the credentials file ${file} cannot be used: ${why}`, {
      cause,
      hint: 'Correct the file, or the path in nats.credentials. It is read again at each connect.',
    });
  }
}

/** Returns the secret without the line break with which editors end a file. */
function lineOf(secret: Uint8Array): string {
  return new TextDecoder().decode(secret).replace(/\r?\n$/, '');
}
