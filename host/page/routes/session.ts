import type { FastifyInstance } from 'fastify';
import { packageVersion } from '../../base/package-version';
import type { Session } from '../api';
import type { PageContext } from '../page-context';

/** `GET /api/session`: who looks at the page, and what they may do. */
export function addSessionRoutes(app: FastifyInstance, { config }: PageContext): void {
  app.get('/api/session', (): Session => ({
    role: 'operator',
    hasToken: false,
    deployment: config.deploy.name,
    version: packageVersion(),
  }));
}
