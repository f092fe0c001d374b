import { optional, secret, type SchemaMap } from './key';

/** The keys below `http`. */
export const httpKeys = {
  listen: {
    doc: 'Where the page, health and metrics are served, as host:port; port 0: any free port; off: no HTTP.',
    format: 'address',
    default: '127.0.0.1:8300',
    env: 'JETPLUG_HTTP_LISTEN',
  },
  operatorToken: {
    ...secret('The token of those who may change things.', 'JETPLUG_HTTP_OPERATOR_TOKEN'),
    format: 'httpToken',
  },
  operatorTokenFile: optional('A file that holds the operators’ token.', 'path', 'JETPLUG_HTTP_OPERATOR_TOKEN_FILE'),
  readerToken: {
    ...secret('The token of those who may only look.', 'JETPLUG_HTTP_READER_TOKEN'),
    format: 'httpToken',
  },
  readerTokenFile: optional('A file that holds the readers’ token.', 'path', 'JETPLUG_HTTP_READER_TOKEN_FILE'),
  allowedHosts: {
    doc: 'Further names, without a port, by which browsers and Prometheus reach the host, such as a proxy’s.',
    format: 'hostNames',
    default: [] as string[],
    env: 'JETPLUG_HTTP_ALLOWED_HOSTS',
  },
} satisfies SchemaMap;
