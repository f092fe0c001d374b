import type { Command } from 'commander';

type AddCommand = (program: Command) => void;

/** The subcommands, in the order of the help. Each has a file; a new one is added here. */
const COMMANDS: Readonly<Record<string, () => Promise<AddCommand>>> = {
  init: async () => (await import('./init.js')).initCommand,
  start: async () => (await import('./start.js')).startCommand,
  dev: async () => (await import('./dev.js')).devCommand,
  check: async () => (await import('./check.js')).checkCommand,
  plan: async () => (await import('./plan.js')).planCommand,
  apply: async () => (await import('./apply.js')).applyCommand,
  publish: async () => (await import('./publish.js')).publishCommand,
  plugins: async () => (await import('./plugins.js')).pluginsCommand,
  routes: async () => (await import('./routes.js')).routesCommand,
  docs: async () => (await import('./docs.js')).docsCommand,
  store: async () => (await import('./store.js')).storeCommand,
  blame: async () => (await import('./blame.js')).blameCommand,
  pause: async () => (await import('./pause.js')).pauseCommand,
  resume: async () => (await import('./pause.js')).resumeCommand,
  tail: async () => (await import('./tail.js')).tailCommand,
  trace: async () => (await import('./trace.js')).traceCommand,
  dead: async () => (await import('./dead.js')).deadCommand,
  fate: async () => (await import('./fate.js')).fateCommand,
  debug: async () => (await import('./debug.js')).debugCommand,
  adopt: async () => (await import('./adopt.js')).adoptCommand,
  audit: async () => (await import('./audit.js')).auditCommand,
  permissions: async () => (await import('./permissions.js')).permissionsCommand,
  page: async () => (await import('./page.js')).pageCommand,
  new: async () => (await import('./new.js')).newCommand,
  demo: async () => (await import('./demo.js')).demoCommand,
};

/**
 * Adds the subcommand that the arguments name, so that a command does not wait for the modules of all others. Adds all
 * if they name none: for the help, or for a name that does not exist.
 */
export async function addCommands(program: Command, args: readonly string[]): Promise<void> {
  const name = args[0] ?? '';
  const named = Object.hasOwn(COMMANDS, name) ? [COMMANDS[name]!] : Object.values(COMMANDS);
  for (const load of named) (await load())(program);
}
