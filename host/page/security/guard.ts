import type { FastifyInstance, FastifyRequest } from 'fastify';
import { JetplugError } from '../../../sdk/internal';
import type { Access } from './access';

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Checks each request before its body is read. */
export function guard(app: FastifyInstance, access: Access): void {
  app.decorateRequest('requester');
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    const { open, reads } = request.routeOptions.config;
    if (open === 'probe') {
      // Probes address a host by any name, and most have no token.
      const known = access.isClosed ? undefined : access.requesterOf(request, reply);
      if (known) request.requester = known;
      return;
    }
    access.names.refuseForeign(request);
    const requester = open && !access.isClosed ? undefined : access.requesterOf(request, reply);
    if (requester) request.requester = requester;
    else if (!open) throw new JetplugError('JP_HTTP_TOKEN', 'the request has no token');
    if (isChange(request)) {
      refuseForm(request);
      if (!open && !reads) refuseReader(request);
    }
  });
  readOnlyJson(app);
}

function isChange({ method }: FastifyRequest): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/** A form of another site can send other types of content without asking first. */
function refuseForm({ headers, method }: FastifyRequest): void {
  if (method === 'POST' && !/^application\/json(?:\s*;|$)/i.test(headers['content-type'] ?? '')) {
    throw new JetplugError('JP_USAGE', 'a change needs the header content-type: application/json');
  }
}

/** @throws JetplugError `JP_HTTP_ROLE` */
function refuseReader({ requester }: FastifyRequest): void {
  if (requester?.role !== 'operator') throw new JetplugError('JP_HTTP_ROLE', 'a reader may not change anything');
}

/** Reads bodies only as JSON. An empty one is permitted. */
function readOnlyJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else void parse(request, body as string, done);
  });
}
