import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { HttpConfig } from '../../config/config';
import { isHttpToken } from '../../config/http-token';
import type { PartedLog } from '../../log/log';
import type { Requester, Role } from '../../ops/http';

/** A file is read again after this time, so that a token can be replaced while the host runs. */
const READ_AGAIN_MS = 1_000;

/** The tokens of the config. */
export class Tokens {
  private readonly sources: readonly TokenSource[];

  constructor(http: HttpConfig, log: Pick<PartedLog, 'warn'>, nowMs: () => number = () => performance.now()) {
    const given: [Role, string | undefined, string | undefined][] = [
      ['operator', http.operatorToken, http.operatorTokenFile],
      ['reader', http.readerToken, http.readerTokenFile],
    ];
    this.sources = given.flatMap(([role, token, file]) =>
      token === undefined && file === undefined ? [] : new TokenSource(role, token, file, log, nowMs),
    );
  }

  get isEmpty(): boolean {
    return this.sources.length === 0;
  }

  /** Returns whose token this is; a reader's if both roles have the same token. Takes the same time for every token, so that it cannot be guessed in parts. */
  ownerOf(token: string): Requester | undefined {
    const digest = digestOf(token);
    const owners = this.sources.filter((source) => source.matches(digest));
    const role = owners.at(-1)?.role;
    return role && { role, name: role };
  }
}

class TokenSource {
  private digest: Buffer | undefined;
  private readAtMs = -Infinity;

  constructor(
    readonly role: Role,
    token: string | undefined,
    private readonly file: string | undefined,
    private readonly log: Pick<PartedLog, 'warn'>,
    private readonly nowMs: () => number,
  ) {
    if (token !== undefined) this.digest = digestOf(token);
  }

  matches(digest: Buffer): boolean {
    if (this.file !== undefined) this.readAgain(this.file);
    return this.digest !== undefined && timingSafeEqual(this.digest, digest);
  }

  /** Keeps the token before where the file is missing or half written at the moment. */
  private readAgain(file: string): void {
    if (this.nowMs() - this.readAtMs < READ_AGAIN_MS) return;
    this.readAtMs = this.nowMs();
    try {
      const token = readFileSync(file, 'utf8').trim();
      if (!isHttpToken(token)) throw new Error('the file does not hold a token');
      this.digest = digestOf(token);
    } catch (error) {
      this.log.warn('file of a token cannot be read; the token before stays valid', { file, err: error });
    }
  }
}

/** Digests have the same length, as a comparison in constant time needs. */
function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
