import type { FastifyInstance } from 'fastify';
import { JetplugError } from '../../../sdk/internal';
import { packageVersion } from '../../base/package-version';
import type { Requester } from '../../ops/http';
import type { Session } from '../api';
import type { PageContext } from '../page-context';
import { cookieOf, NO_COOKIE } from '../security/cookie';

const ANYBODY = { config: { open: 'anybody' } } as const;

/** `/api/session`: who looks at the page, and what they may do; sign in and out. */
export function addSessionRoutes(app: FastifyInstance, { config, access }: PageContext): void {
  const session = ({ role, name }: Requester): Session => ({
    role,
    ...(name !== undefined && { name }),
    hasToken: access.needsToken,
    deployment: config.deploy.name,
    version: packageVersion(),
  });
  app.get('/api/session', ({ requester }) => session(requester!));
  app.post('/api/session', ANYBODY, (request, reply) => {
    const { token } = (request.body ?? {}) as { token?: unknown };
    if (typeof token !== 'string') throw new JetplugError('JP_USAGE', 'the body needs a token', { hint: TOKEN_HINT });
    const requester = access.needsToken ? access.ownerOf(token, request, reply) : ({ role: 'operator' } as const);
    const isSecure = /^https:/i.test(request.headers.origin ?? '');
    if (access.needsToken) reply.header('set-cookie', cookieOf(token, { isSecure }));
    return session(requester);
  });
  app.delete('/api/session', ANYBODY, (_request, reply) => reply.header('set-cookie', NO_COOKIE).code(204).send());
}

const TOKEN_HINT = 'Send { "token": "…" }.';
