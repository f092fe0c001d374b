# The image of the host. The broker runs in another container (docker-compose.yml).

FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY sdk sdk
COPY host host
COPY page page
COPY plugins plugins
COPY examples examples
RUN npm run build

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --cache /tmp/npm && rm -r /tmp/npm
COPY --from=build /app/dist dist
COPY host/bin.js host/bin.js
COPY config config
COPY plugins plugins
# The packages of the plugins themselves, if plugins/package.json lists any.
RUN if [ -f plugins/package-lock.json ]; then npm ci --prefix plugins --omit=dev --cache /tmp/npm && rm -r /tmp/npm; fi
USER node
EXPOSE 8300
# Checks that the host is alive, not that it is ready: one failing plugin is no reason to restart the others.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8300/livez').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "host/bin.js"]
CMD ["start"]
