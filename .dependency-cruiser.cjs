'use strict';

/**
 * The import rules. Each part lists everything it may import besides itself and Node's own modules: paths of this
 * repository, and packages by name. Every other import is refused. `check` plants a violation of each rule and fails
 * if a rule does not notice its violation.
 *
 * The parts of the host are its layers, from the bottom up. A folder imports only from folders below its own that its
 * entry lists. `docs/lifecycle.md` draws them.
 */
const PARTS = {
  'sdk/': { packages: ['@standard-schema/spec', 'reflect-metadata', 'tsyringe'] },

  'host/base/': { paths: ['sdk/'] },
  'host/config/': { paths: ['sdk/', 'host/base/'], packages: ['convict', 'fastest-levenshtein', 'yaml'] },
  'host/log/': { paths: ['sdk/', 'host/(base|config)/'], packages: ['pino'] },
  'host/records/': { paths: ['sdk/', 'host/base/'] },
  // The ports: the interfaces through which a message's and a plugin's life use a broker. `host/nats` implements them.
  'host/broker/': { paths: ['sdk/', 'host/(base|records)/'] },
  'host/message/': { paths: ['sdk/', 'host/(base|records|broker)/'], packages: ['@standard-schema/spec'] },
  'host/nats-server/': { paths: ['sdk/', 'host/(base|config)/'], packages: ['@swc/core'] },
  // The adapters.
  'host/nats/': {
    paths: [
      'sdk/',
      'host/(base|records|broker)/',
      'host/config/(config|size).ts',
      'host/nats-server/(oldest-server|probe).ts',
    ],
    packages: ['nats'],
  },
  'host/effects/': { paths: ['sdk/', 'host/(base|records|broker|message)/'] },
  'host/load/': {
    paths: ['sdk/', 'host/(base|config|log|effects)/', 'host/message/(handler|run|validate).ts'],
    packages: ['@standard-schema/spec', '@swc/core', 'tsyringe'],
  },
  'host/isolation/': { paths: ['sdk/', 'host/(base|config|log|records|message|effects|load)/'] },
  'host/plugin/': {
    paths: ['sdk/', 'host/(base|config|log|records|broker|message|effects|load|isolation)/'],
    packages: ['@standard-schema/spec'],
  },
  // Its SDK is an optional package.
  'host/telemetry/': {
    paths: ['sdk/', 'host/(base|config|log|records|broker|message)/'],
    packages: ['@opentelemetry/api', '@opentelemetry/sdk-node'],
  },
  'host/watch/': { paths: ['sdk/', 'host/(base|config|log|load|plugin)/'], packages: ['chokidar'] },

  // The surfaces.
  'host/relay/': { paths: ['sdk/', 'host/base/'] },
  'host/client\\.ts': { paths: ['sdk/', 'host/(base|config|effects|nats|nats-server|relay)/'] },
  'host/ops/': {
    paths: ['sdk/', 'host/(base|config|records|broker|message|effects|nats|load|plugin)/'],
    packages: ['ajv', 'fastify', 'prom-client'],
  },
  'host/plan/': { paths: ['sdk/', 'host/(base|config|records|broker|nats|plugin)/'] },
  'host/page/': {
    paths: ['sdk/', 'host/(base|config|log|records|broker|effects|nats|load|ops)/'],
    packages: ['fastify'],
  },
  'host/testing/': { paths: ['sdk/', 'host/(?!cli/|replay/)[a-z-]+/'] },
  'host/replay/': {
    paths: ['sdk/', 'host/(base|config|log|records|broker|message|load|isolation|plugin|testing)/'],
  },
  'host/start/': { paths: ['sdk/', 'host/(?!cli/|testing/|host.ts)'] },
  'host/host\\.ts': { paths: ['sdk/', 'host/(?!cli/|testing/|replay/)'] },
  'host/cli/': { paths: ['sdk/', 'host/'], packages: ['cli-progress', 'commander', 'yaml', 'zod'] },
  'host/bin\\.js': {},

  // The page's code for the browser. Of the host it imports types only.
  'page/': { paths: ['host/page/api.ts'], packages: ['preact', '@preact/signals', 'esbuild'] },

  // A plugin may use any package.
  'plugins/(?!contracts/)': { paths: ['sdk/index.ts', 'plugins/contracts/'], packages: ['.+'] },
  'plugins/contracts/': { paths: ['sdk/index.ts'], packages: ['.+'] },
  'examples/': { paths: ['sdk/index.ts', 'host/client.ts', 'plugins/contracts/'], packages: ['.+'] },
  'bench/': { paths: ['sdk/', 'host/', 'plugins/', 'examples/'], packages: ['.+'] },
};

const NODE_MODULES = '^node_modules/(@types/)?';

module.exports = {
  forbidden: [
    ...Object.entries(PARTS).map(([part, { paths = [], packages = [] }]) => ({
      name: `imports of ${part}`,
      severity: 'error',
      from: { path: `^${part}` },
      to: {
        dependencyTypesNot: ['core'],
        pathNot: [part, ...paths].map((path) => `^${path}`).concat(packages.map((name) => `${NODE_MODULES}${name}/`)),
      },
    })),
    {
      name: 'host imports the sdk only through index.ts and internal.ts',
      severity: 'error',
      from: { path: '^host/' },
      to: { path: '^sdk/', pathNot: '^sdk/(index|internal)\\.ts$' },
    },
    {
      name: 'the nats client stays in one file',
      comment: 'The benchmark compares with the raw client, and tests inspect the server with it.',
      severity: 'error',
      from: { pathNot: '^(host/nats/client\\.ts$|bench/|test/(support|integration|slow|chaos|page|unit/nats)/)' },
      to: { path: `${NODE_MODULES}nats/` },
    },
    {
      name: 'the page imports only types of the host',
      severity: 'error',
      from: { path: '^page/' },
      to: { path: '^host/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'nothing imports test, bench or examples',
      severity: 'error',
      from: { pathNot: '^(test|bench|examples)/' },
      to: { path: '^(test|bench|examples)/' },
    },
    {
      name: 'examples and bench do not import the tests',
      severity: 'error',
      from: { path: '^(bench|examples)/' },
      to: { path: '^test/' },
    },
    {
      name: 'production code needs no devDependency',
      comment: 'The recipes are not in the package. A project that copies one installs its packages.',
      severity: 'error',
      from: { path: '^(sdk|host|plugins|examples)/', pathNot: '^examples/recipes/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only', 'npm-peer'] },
    },
    { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'everything imported exists', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'every folder has a rule',
      comment: 'A new folder needs a line in PARTS.',
      severity: 'error',
      from: { path: '^(sdk|host|page|plugins|examples|bench)/', pathNot: Object.keys(PARTS).map((part) => `^${part}`) },
      to: {},
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    // Imports of types count too.
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|test/fixtures)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'require', 'node', 'default'] },
  },
};
