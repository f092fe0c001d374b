import { request, type OutgoingHttpHeaders } from 'node:http';
import { loadConfig } from '../../host/config/load';
import type { Connection } from '../../host/nats/connection';
import { addHealthRoutes } from '../../host/ops/health-routes';
import { serveHttp, type HttpServer } from '../../host/ops/http';
import { servePage } from '../../host/page/page-server';
import { RecordingLog } from '../../host/testing/recording-log';

export interface TestPage extends HttpServer {
  /** The messages that the page has logged. */
  readonly logged: readonly string[];
  /** Sends a request by the page's address, with these headers only. */
  send(method: string, path: string, headers?: OutgoingHttpHeaders, body?: string): Promise<TestAnswer>;
}

export interface TestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

/** A page without a broker: its connection is as given, and subscriptions get nothing. */
export async function servePageAt(
  env: Readonly<Record<string, string>>,
  connection: Partial<Connection> = {},
): Promise<TestPage> {
  const { config, sourceOf } = loadConfig({ cwd: '/', env: { JETPLUG_HTTP_LISTEN: '127.0.0.1:0', ...env } });
  const log = new RecordingLog();
  const nc = { subscribe: () => ({ unsubscribe: () => undefined }), publish: () => undefined };
  const quiet = { connected: false, newInbox: () => '_INBOX.test', nc, ...connection } as unknown as Connection;
  const replay = () => Promise.reject(new Error('no test runs a handler'));
  const health = {
    readiness: () => ({ ready: false, reasons: ['a private reason'] }),
    metrics: () => Promise.resolve({ type: 'text/plain', text: 'jetplug_handled_total 1' }),
  };
  const server = await serveHttp(
    config.http.listen,
    (app) => servePage(app, { connection: quiet, config, sourceOf, log, replay }),
    (app) => addHealthRoutes(app, health),
  );
  const port = Number(new URL(server.url).port);
  return {
    ...server,
    get logged() {
      return log.lines.map(({ message }) => message);
    },
    send: (method, path, headers = {}, body = '') => send({ port, method, path, headers, body }),
  };
}

interface Given {
  readonly port: number;
  readonly method: string;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
}

/** `fetch` would tidy the path, and set headers of its own. */
function send({ port, method, path, headers, body }: Given): Promise<TestAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        const json = (): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
        const { statusCode: status = 0, headers } = response;
        resolve({
          status,
          headers,
          text,
          get json() {
            return json();
          },
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
