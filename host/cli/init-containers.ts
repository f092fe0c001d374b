import { PINNED_VERSION } from '../nats-server/version';
import type { NewFile } from './write-new';

/** The image of a new project, and a Compose file that runs it beside a NATS server. */
export const CONTAINER_FILES: readonly NewFile[] = [
  {
    file: 'Dockerfile',
    text: `# The image of the host with this project's plugins. The broker runs in another container (docker-compose.yml).

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev
COPY config config
COPY plugins plugins
USER node
EXPOSE 8300
# Checks that the host is alive, not that it is ready: one failing plugin is no reason to restart the others.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \\
  CMD ["node", "-e", "fetch('http://127.0.0.1:8300/livez').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "node_modules/jetplug/host/bin.js"]
CMD ["start"]
`,
  },
  { file: '.dockerignore', text: 'node_modules\n.git\n.jetplug\nconfig/local.yaml\n' },
  {
    file: 'docker-compose.yml',
    text: `# One NATS server with JetStream and one host: docker compose up
# The stream's events and the stores are in the volume nats-data.

services:
  nats:
    image: nats:${PINNED_VERSION}-alpine
    command: [nats-server, --config, /etc/nats/nats-server.conf, --store_dir, /data]
    volumes:
      - ./config/nats-server.conf:/etc/nats/nats-server.conf:ro
      - nats-data:/data
    ports: ['127.0.0.1:4222:4222']
    restart: unless-stopped
    read_only: true
    cap_drop: [ALL]
    security_opt: ['no-new-privileges:true']
    healthcheck:
      test: [CMD, wget, -q, -O, /dev/null, 'http://127.0.0.1:8222/healthz']
      interval: 5s
      timeout: 3s
      retries: 5
      start_period: 10s

  jetplug:
    build: .
    init: true
    depends_on:
      nats: { condition: service_healthy }
    environment:
      JETPLUG_NATS_SERVERS: nats://nats:4222
      # The container's own address. The port is published on the loopback below.
      JETPLUG_HTTP_LISTEN: 0.0.0.0:8300
      # The page and /metrics need it, because the address is beyond loopback.
      JETPLUG_HTTP_OPERATOR_TOKEN: \${JETPLUG_HTTP_OPERATOR_TOKEN:-}
      # Files that another system changes, as with Docker Desktop: 1s finds changes where the mount reports none.
      JETPLUG_PLUGINS_POLL: \${JETPLUG_PLUGINS_POLL:-auto}
    volumes:
      # The host follows changes of the plugins. Remove both lines to run the files of the image.
      - ./plugins:/app/plugins:ro
      - ./config:/app/config:ro
    ports: ['127.0.0.1:8300:8300']
    restart: unless-stopped
    read_only: true
    cap_drop: [ALL]
    security_opt: ['no-new-privileges:true']
    # Longer than all limits of a stop together (node_modules/jetplug/docs/operating.md, “Stopping”). Raise it with shutdown.grace.
    stop_grace_period: 120s
    healthcheck:
      test:
        - CMD
        - node
        - -e
        - "fetch('http://127.0.0.1:8300/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"
      interval: 5s
      timeout: 3s
      retries: 5
      start_period: 30s

volumes:
  nats-data:
`,
  },
  {
    file: 'config/nats-server.conf',
    text: `# The config of the broker in docker-compose.yml. The folder for its data is set there. The host creates the streams.

server_name: jetplug-nats

jetstream {
  # The default is a share of the free disk space at the start, which may be too small for the streams.
  max_file_store: 1TB

  # The server acknowledges an event when it is on the disk. By default the server syncs every two minutes, and a power
  # failure loses the events that it has acknowledged since. Syncing always costs a good half of the publish rate.
  sync_interval: always
}

# For the health check. The address is reachable inside the container only.
http: "127.0.0.1:8222"
`,
  },
];
