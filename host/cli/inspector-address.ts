import { JetplugError } from '../../sdk/internal';
import type { InspectorAddress } from '../replay/replay-protocol';

/** The address at which Node.js listens for debuggers by default. */
const DEFAULT: InspectorAddress = { host: '127.0.0.1', port: 9229 };

const LOOPBACK: readonly string[] = ['127.0.0.1', 'localhost', '::1'];

/**
 * Reads the value of `--inspect`: HOST:PORT or PORT; true for the default address.
 * @throws JetplugError `JP_USAGE`, also for a host that other machines reach
 */
export function readInspectorAddress(given: string | true): InspectorAddress {
  if (given === true) return DEFAULT;
  const [, bracketed, plain = DEFAULT.host, digits = ''] = /^(?:(?:\[(.+)\]|([^:]+)):)?(\d+)$/.exec(given) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (digits === '' || port > 65_535) throw usage(given, 'is not HOST:PORT');
  if (!LOOPBACK.includes(host)) throw usage(given, 'is reached by other machines, which could run any code');
  return { host, port };
}

export function inspectorText({ host, port }: InspectorAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function usage(given: string, why: string): JetplugError {
  return new JetplugError('JP_USAGE', `--inspect=${given}: the address ${why}`, {
    hint: 'Write a port, such as --inspect=9230, or an address of this machine, such as --inspect=127.0.0.1:9230.',
  });
}
