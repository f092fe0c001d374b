import type { FastifyInstance } from 'fastify';
import { durationMs, JetplugError } from '../../../sdk/internal';
import { UNTIL_RESUMED } from '../../base/pause-text';
import { changePauses } from '../../ops/pause';
import { explainRunning } from '../../ops/running-plugins';
import type { Paused, PauseRequest, PluginView } from '../api';
import type { PageContext } from '../page-context';
import { sourceOfPlugin } from '../plugin-source';

interface ForPlugin {
  readonly Params: { readonly plugin: string };
  readonly Body: PauseRequest | undefined;
}

const NAME = /^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/;

/** `/api/plugins/:plugin`: a plugin's own view; `POST …/pause` and `POST …/resume`. */
export function addPluginRoutes(app: FastifyInstance, { connection, config, audit }: PageContext): void {
  app.get<ForPlugin>('/api/plugins/:plugin', async ({ params }): Promise<PluginView> => {
    const explained = await explainRunning(pluginName(params.plugin), connection);
    const source = sourceOfPlugin(explained, config.plugins.dirs);
    return { explained, ...(source && { source }) };
  });
  for (const action of ['pause', 'resume'] as const) {
    app.post<ForPlugin>(`/api/plugins/:plugin/${action}`, async (request, reply): Promise<Paused> => {
      const { target, forText } = readRequest(request.params.plugin, request.body);
      const until = action === 'pause' ? endOf(forText) : undefined;
      const detail = until && { until: until.toISOString() };
      const change = { action, target, ...(detail && { detail }) };
      return audit.change(request, reply, change, async () => {
        const { done, failures } = await changePauses(connection, config.deploy.name, target, until);
        if (failures.length > 0) throw failures[0];
        return { handlers: done.map(({ plugin, handler, pausedUntil }) => ({ plugin, handler, ...end(pausedUntil) })) };
      });
    });
  }
}

function end(pausedUntil: string | undefined) {
  return pausedUntil === undefined ? {} : { pausedUntil };
}

/** @throws JetplugError `JP_USAGE` */
function readRequest(plugin: string, body: unknown): { readonly target: string; readonly forText?: string } {
  const { handler, for: forText } = (body ?? {}) as { handler?: unknown; for?: unknown };
  const isText = (value: unknown): value is string | undefined => value === undefined || typeof value === 'string';
  if (!isText(handler) || !isText(forText)) throw new JetplugError('JP_USAGE', 'handler and for are texts');
  const target = handler === undefined ? pluginName(plugin) : `${pluginName(plugin)}.${handler}`;
  return { target, ...(forText !== undefined && { forText }) };
}

function pluginName(text: string): string {
  if (NAME.test(text)) return text;
  throw new JetplugError('JP_NOT_FOUND', `${JSON.stringify(text.slice(0, 100))} is not the name of a plugin`);
}

/** @throws JetplugError `JP_DURATION_INVALID` */
function endOf(forText: string | undefined): Date {
  if (forText === undefined) return UNTIL_RESUMED;
  return new Date(Math.min(Date.now() + durationMs(forText, 'for'), UNTIL_RESUMED.getTime()));
}
