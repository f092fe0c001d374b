import type { FastifyRequest } from 'fastify';
import { JetplugError } from '../../../sdk/internal';
import { splitAddress } from '../../ops/http';

/** The names by which a server may be reached. Any other name may be one that an attacker points to this machine. */
export class OwnNames {
  private readonly names: ReadonlySet<string>;
  readonly isLoopback: boolean;

  /** @param listen `host:port` */
  constructor(listen: string, allowed: readonly string[]) {
    const { host } = splitAddress(listen);
    this.isLoopback = isLoopback(host);
    this.names = new Set([host, ...allowed].map((name) => plainName(name)));
  }

  /**
   * Refuses requests under a foreign name (DNS rebinding), and those that another site has a browser send.
   * @throws JetplugError `JP_HTTP_FOREIGN`
   */
  refuseForeign({ headers, method, socket, url }: FastifyRequest): void {
    const { host = '', origin } = headers;
    if (!this.has(host, socket.localAddress)) {
      throw new JetplugError('JP_HTTP_FOREIGN', `${shown(host)} is not a name of this host`);
    }
    if (origin !== undefined && hostOf(origin) !== host.toLowerCase()) {
      throw new JetplugError(
        'JP_HTTP_FOREIGN',
        `the request comes from ${shown(origin)}, and not from the page itself`,
      );
    }
    // A link of another site may lead to the page, but no other site may read or change anything.
    const site = headers['sec-fetch-site'];
    const isLink = method === 'GET' && !url.startsWith('/api/');
    if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isLink) {
      throw new JetplugError('JP_HTTP_FOREIGN', 'another site had the browser send the request');
    }
  }

  /** Whether a Host header has a name of this server. Its port does not count, because tunnels have other ports. */
  has(host: string, localAddress: string | undefined): boolean {
    const name = plainName(/^(\[[^\]]*\]|[^:]*)(?::\d{1,5})?$/.exec(host)?.[1] ?? '');
    if (name === '') return false;
    return isLoopback(name) || this.names.has(name) || name === plainName(localAddress ?? '');
  }
}

/** An address without brackets, and an IPv4 address without its form in IPv6. */
function plainName(name: string): string {
  return name
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/^::ffff:(?=\d+\.)/, '');
}

function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '::1' || /^127(?:\.\d{1,3}){3}$/.test(name);
}

function hostOf(origin: string): string | undefined {
  return /^https?:\/\/([^/]+)$/i.exec(origin)?.[1]?.toLowerCase();
}

function shown(header: string): string {
  return JSON.stringify(header.slice(0, 100));
}
