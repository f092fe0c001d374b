'use strict';

/** Small files without a layer, which every part of the host may import. */
const LEAVES =
  'host/(by-sequence|causes|clock|exact-numbers|json-text|maybe-promise|plain-error|plain-value|promises|repeats|shared-timer|text|thrown|time|turns|version)\\.ts';

/**
 * Who may import whom. Each part lists everything it may import besides itself and Node's own modules:
 * paths here, and packages by name. What is not listed is refused. `check` plants a violation of each
 * rule and fails if one of them goes unnoticed.
 */
const PARTS = {
  'sdk/': { packages: ['@standard-schema/spec', 'reflect-metadata', 'tsyringe'] },

  [LEAVES]: { paths: ['sdk/'] },
  'host/log\\.ts': { paths: ['sdk/', LEAVES, 'host/config/config.ts', 'host/log-terminal.ts'], packages: ['pino'] },
  'host/log-terminal\\.ts': { paths: ['sdk/', LEAVES] },
  'host/config/': { paths: ['sdk/', LEAVES], packages: ['convict', 'fastest-levenshtein', 'yaml'] },
  'host/message/': {
    // What is kept on the server; not the author's view of it, which stands above.
    paths: ['sdk/', LEAVES, 'host/effects/(ascii-json|key-value|key-writers|long-texts|settlements|write-batch).ts'],
    packages: ['@standard-schema/spec'],
  },
  'host/effects/': { paths: ['sdk/', LEAVES, 'host/message/'] },
  'host/nats/(?!embedded/)': {
    paths: [
      'sdk/',
      LEAVES,
      'host/config/(config|size).ts',
      'host/effects/',
      'host/message/',
      'host/nats/embedded/(oldest-server|probe).ts',
    ],
    packages: ['nats'],
  },
  'host/nats/embedded/': { paths: ['sdk/', LEAVES, 'host/config/config.ts'], packages: ['@swc/core'] },
  'host/plugin/': {
    paths: [
      'sdk/',
      LEAVES,
      'host/log.ts',
      'host/config/(config|settings-place).ts',
      'host/effects/',
      'host/isolation/(isolated-plugin|starts).ts',
      'host/message/',
      'host/nats/(?!embedded/)',
    ],
    packages: ['@standard-schema/spec', '@swc/core', 'chokidar', 'tsyringe'],
  },
  'host/isolation/': {
    paths: [
      'sdk/',
      LEAVES,
      'host/log.ts',
      'host/config/config.ts',
      'host/effects/',
      'host/message/',
      'host/plugin/(compile|contain|describe|isolation-options|module-loader|plugin-code).ts',
    ],
  },
  'host/ops/': {
    paths: ['sdk/', LEAVES, 'host/config/(config|size).ts', 'host/message/', 'host/nats/(?!embedded/)', 'host/plugin/'],
    packages: ['fastify', 'prom-client'],
  },
  'host/testing/': { paths: ['sdk/', 'host/(config|effects|log|message|nats|ops|plugin|shared-timer|text|time)'] },
  'host/host\\.ts': { paths: ['sdk/', 'host/(?!cli/|testing/)'] },
  'host/cli/': { paths: ['sdk/', 'host/'], packages: ['cli-progress', 'commander'] },
  'host/bin\\.js': {},

  // A plugin may use any package.
  'plugins/(?!contracts/)': { paths: ['sdk/index.ts', 'plugins/contracts/'], packages: ['.+'] },
  'plugins/contracts/': { paths: ['sdk/index.ts'], packages: ['.+'] },
  'examples/': { paths: ['sdk/index.ts', 'host/nats/client.ts', 'plugins/contracts/'], packages: ['.+'] },
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
      name: 'host goes through the doors of the sdk',
      severity: 'error',
      from: { path: '^host/' },
      to: { path: '^sdk/', pathNot: '^sdk/(index|internal)\\.ts$' },
    },
    {
      name: 'the nats client stays in one folder',
      comment: 'The benchmark measures against the raw client; the tests look at the server from outside.',
      severity: 'error',
      from: { pathNot: '^(host/nats|bench|test/(support|integration|chaos|unit/nats))/' },
      to: { path: `${NODE_MODULES}nats/` },
    },
    {
      name: 'nothing imports test, bench or examples',
      severity: 'error',
      from: { pathNot: '^(test|bench|examples)/' },
      to: { path: '^(test|bench|examples)/' },
    },
    {
      name: 'examples and bench stand without the tests',
      severity: 'error',
      from: { path: '^(bench|examples)/' },
      to: { path: '^test/' },
    },
    {
      name: 'what runs needs no devDependency',
      severity: 'error',
      from: { path: '^(sdk|host|plugins|examples)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'everything imported exists', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no part is left out',
      comment: 'A new folder needs a line in PARTS.',
      severity: 'error',
      from: { path: '^(sdk|host|plugins|examples|bench)/', pathNot: Object.keys(PARTS).map((part) => `^${part}`) },
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
