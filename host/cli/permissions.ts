import { Option, type Command } from 'commander';
import { endpointsOf } from '../start/endpoints';
import { permissionsOf, ROLES, type Role } from '../ops/permissions/roles';
import { pluginScope } from '../ops/permissions/scope';
import { common, configFor, pluginsFolders, type CommonFlags } from './common';
import { readFiles } from './docs-records';
import { print, printErrors, printJson } from './output';
import { nscCommands, serverConfig, type RolePermissions } from './permissions-text';

interface PermissionsFlags extends CommonFlags {
  role?: Role;
  format: keyof typeof FORMATS;
}

const FORMATS = { server: serverConfig, nsc: nscCommands };

export function permissionsCommand(program: Command): void {
  pluginsFolders(common(program.command('permissions')))
    .addOption(new Option('--role <role>', 'only this role').choices(ROLES))
    .addOption(
      new Option('--format <format>', 'a config of nats-server, or commands of nsc')
        .choices(Object.keys(FORMATS))
        .default('server'),
    )
    .description('print the least NATS permissions for the config and the plugins')
    .addHelpText(
      'after',
      `
Loads the plugins without a network; connects to no server. Print the permissions again when the config or a plugin
changes: a new handler needs subjects of its own.

  host       a process of \`jetplug start\`, with its page
  publisher  a program that publishes events
  operator   somebody who uses the other commands, or \`jetplug page\`
  deployer   somebody who runs \`jetplug plan\`, \`apply\` and \`adopt\`: creates, changes and deletes streams and durables

With deploy.bindOnly, host and operator create and change no stream and no durable.

Exits with 1 when a plugin cannot be read; its subjects are then missing.

Examples:
  $ jetplug permissions > permissions.conf
  $ jetplug permissions --role host --format nsc
  $ jetplug permissions --role publisher --json`,
    )
    .action(permissions);
}

async function permissions(flags: PermissionsFlags): Promise<void> {
  const { config } = configFor(flags);
  const { records, problems } = await readFiles(flags);
  printErrors(problems, flags.json === true);
  if (problems.length > 0) process.exitCode = 1;
  const isEnabled = (plugin: string): boolean => config.plugins.sections[plugin]?.enabled ?? true;
  const plugins = records.map(pluginScope).filter(({ plugin }) => isEnabled(plugin));
  const endpoints = Object.keys(endpointsOf(() => undefined as never));
  const roles = flags.role ? [flags.role] : ROLES;
  const found = roles.map((role) => ({ role, ...permissionsOf(role, { config, plugins, endpoints }) }));
  if (flags.json) printJson(found.map(natsPermissions));
  else for (const line of FORMATS[flags.format](found)) print(line);
}

/** The permissions in the form of nats-server. */
function natsPermissions({ role, grants, denied }: RolePermissions): object {
  return {
    role,
    permissions: {
      publish: { allow: grants.flatMap(({ publish }) => publish) },
      subscribe: { allow: grants.flatMap(({ subscribe }) => subscribe), deny: denied },
    },
  };
}
