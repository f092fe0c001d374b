// For a child process: loads the plugin files it is given with the built host, builds each, calls its
// handlers, and prints what became of each as JSON. Under jest they would get another realm's classes.
const { join } = require('node:path');
const { setImmediate: turn } = require('node:timers/promises');

const host = join(__dirname, '..', '..', 'dist', 'host');
const { compile } = require(join(host, 'load', 'compile.js'));
const { describe } = require(join(host, 'load', 'describe.js'));
const { instantiate } = require(join(host, 'load', 'instantiate.js'));
const { loadModules } = require(join(host, 'load', 'module-loader.js'));

process.setSourceMapsEnabled(true);

const config = { plugins: { defaults: {}, sections: {} } };
const service = { update: async () => undefined, publish: async () => 'id' };
const services = { bus: service, log: service, clock: service, openTexts: async () => service };

async function load(file) {
  const { name, handlers } = describe(compile({ file, root: '' }), config);
  const { version, sources, contracts } = loadModules(file);
  const { definition, instance } = await build(file);
  const errors = [];
  const results = [];
  // Long after it was loaded, as a host would call it.
  await turn();
  global.gc();
  for (const { method } of handlers) {
    try {
      results.push(await instance[method]({ n: 1_000 }, {}));
    } catch (error) {
      errors.push(error.stack);
    }
  }
  return {
    name,
    version,
    className: definition.className,
    sources: [...sources.keys()],
    contracts: contracts.map(({ contract }) => contract.subject),
    handlers: handlers.map(({ method, subject, durable, where }) => ({ method, subject, durable, line: where.line })),
    instance: Object.keys(instance),
    known: instance.known,
    errors,
    results,
  };
}

async function build(file) {
  const definition = describe(compile({ file, root: '' }), config);
  return { definition, ...(await instantiate(definition, services, undefined)) };
}

function faults(error) {
  if (error instanceof AggregateError) return error.errors.flatMap(faults);
  const cause = error.cause === undefined ? {} : { cause: String(error.cause?.message ?? typeof error.cause) };
  return [error.code ? { ...error.toJSON(), ...cause } : { code: 'none', message: error.stack }];
}

async function main() {
  const reports = {};
  for (const file of process.argv.slice(2)) {
    reports[file] = await load(file).catch((error) => ({ faults: faults(error) }));
  }
  process.stdout.write(JSON.stringify(reports));
}

void main();
