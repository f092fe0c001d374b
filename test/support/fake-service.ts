import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An HTTP service for plugins, which answers 200 or 500 as the test chooses. */
export class FakeService {
  /** The number of requests so far. */
  asked = 0;

  private constructor(private readonly server: Server) {}

  /** @param works whether it answers a request for this path with 200 */
  static async start(works: (path: string) => boolean): Promise<FakeService> {
    const server = createServer((request: IncomingMessage, response) => {
      service.asked++;
      response.statusCode = works(request.url ?? '/') ? 200 : 500;
      response.end();
    });
    const service = new FakeService(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return service;
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
