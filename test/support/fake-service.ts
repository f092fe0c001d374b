import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A service that plugins ask over HTTP, as a test has it answer: 200 or 500. */
export class FakeService {
  /** How often it was asked. */
  asked = 0;

  private constructor(private readonly server: Server) {}

  /** @param works whether it answers this path well */
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
