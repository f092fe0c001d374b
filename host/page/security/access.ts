import type { FastifyReply, FastifyRequest } from 'fastify';
import { JetplugError } from '../../../sdk/internal';
import type { HttpConfig } from '../../config/config';
import type { PartedLog } from '../../log/log';
import type { Requester } from '../../ops/http';
import { NO_COOKIE, tokenInCookie } from './cookie';
import { FailedTries } from './failed-tries';
import { OwnNames } from './own-names';
import { Tokens } from './tokens';

/** Decides who may do what. */
export class Access {
  readonly names: OwnNames;
  private readonly tokens: Tokens;
  private readonly tries = new FailedTries();

  constructor(http: HttpConfig, log: Pick<PartedLog, 'warn'>) {
    this.names = new OwnNames(http.listen, http.allowedHosts);
    this.tokens = new Tokens(http, log);
  }

  /** Whether requests need a token. */
  get needsToken(): boolean {
    return !this.tokens.isEmpty;
  }

  /** Whether the address can be reached from other machines, and there is no token by which to tell who asks. */
  get isClosed(): boolean {
    return this.tokens.isEmpty && !this.names.isLoopback;
  }

  /**
   * Returns who sends a request; undefined where the request has no token, and needs one.
   * @throws JetplugError `JP_HTTP_TOKEN` for a wrong token, `JP_HTTP_TRIES` after too many of them
   */
  requesterOf(request: FastifyRequest, reply: FastifyReply): Requester | undefined {
    if (this.isClosed) throw closed();
    if (!this.needsToken) return { role: 'operator' };
    const bearer = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
    const inCookie = tokenInCookie(request.headers.cookie);
    const token = bearer ?? inCookie;
    if (token === undefined) return undefined;
    // A page with an old token shall not try it again and again.
    if (bearer === undefined) reply.header('set-cookie', NO_COOKIE);
    const requester = this.ownerOf(token, request, reply);
    if (bearer === undefined) reply.removeHeader('set-cookie');
    return requester;
  }

  /** Returns whose token this is. @throws JetplugError as `requesterOf` */
  ownerOf(token: string, request: FastifyRequest, reply: FastifyReply): Requester {
    const waitS = this.tries.waitS(request.ip);
    if (waitS !== undefined) {
      reply.header('retry-after', waitS);
      throw new JetplugError('JP_HTTP_TRIES', `too many wrong tokens; the next try is possible in ${waitS} s`);
    }
    const owner = this.tokens.ownerOf(token);
    if (owner) return owner;
    this.tries.note(request.ip);
    throw new JetplugError('JP_HTTP_TOKEN', 'the token is wrong', {
      hint: 'Take the token from http.operatorTokenFile or http.readerTokenFile of the config.',
    });
  }
}

/** The reason why an address that other machines reach is closed, and the mend. */
export const CLOSED_HINT =
  'Set http.operatorTokenFile (or JETPLUG_HTTP_OPERATOR_TOKEN_FILE) to a file with a token, or listen on 127.0.0.1.';

function closed(): JetplugError {
  const message = 'the host listens beyond loopback and has no token, so only /livez and /readyz answer';
  return new JetplugError('JP_HTTP_TOKEN', message, { hint: CLOSED_HINT });
}
