/** An HTTP server that a recipe calls: it records each request, and the test decides about the answer. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface ReceiverAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

/** The answer to a request; `hang` never answers. */
export type ReceiverRule = (request: ReceivedRequest) => ReceiverAnswer | 'hang';

export class Receiver {
  readonly requests: ReceivedRequest[] = [];
  /** The test may replace it at any time. */
  rule: ReceiverRule = () => ({ status: 200 });

  private constructor(private readonly server: Server) {}

  static async start(rule?: ReceiverRule): Promise<Receiver> {
    const server = createServer((incoming, response) => {
      void text(incoming).then((body) => {
        const request = { path: incoming.url ?? '/', headers: incoming.headers, body };
        receiver.requests.push(request);
        const answer = receiver.rule(request);
        if (answer === 'hang') return;
        response.writeHead(answer.status, answer.headers);
        response.end(JSON.stringify(answer.body ?? {}));
      });
    });
    const receiver = new Receiver(server);
    if (rule) receiver.rule = rule;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  /** Without a slash in the end. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
