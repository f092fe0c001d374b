import type { Permissions } from '../ops/permissions/grants';
import type { Role } from '../ops/permissions/roles';

export interface RolePermissions extends Permissions {
  readonly role: Role;
}

const AGAIN = '# Print it again with `jetplug permissions` when the config or a plugin changes.';
const SHARED_INBOXES =
  '# Each role may read the answers to the others. To prevent that, set nats.inboxPrefix: _INBOX.jetplug';

/** The comments above the permissions. A publisher without a denied subject has the inboxes of the hosts. */
function comments(roles: readonly RolePermissions[]): string[] {
  const isShared = roles.some(({ role, denied }) => role === 'publisher' && denied.length === 0);
  return [AGAIN, ...(isShared ? [SHARED_INBOXES] : [])];
}

/** A config of nats-server with a user for each role. The passwords are variables of the server’s environment. */
export function serverConfig(roles: readonly RolePermissions[]): string[] {
  return [
    '# Include this file in the config of nats-server. Set the variables of the passwords where the server runs.',
    ...comments(roles),
    ...roles.flatMap(({ role, grants, denied }) => [
      `jetplug_${role} = {`,
      ...allowed(
        'publish',
        grants.map(({ purpose, publish }) => ({ purpose, subjects: publish })),
        [],
      ),
      ...allowed(
        'subscribe',
        grants.map(({ purpose, subscribe }) => ({ purpose, subjects: subscribe })),
        denied,
      ),
      '}',
    ]),
    'authorization {',
    '  users = [',
    ...roles.map(
      ({ role }) =>
        `    { user: "jetplug-${role}", password: $JETPLUG_${role.toUpperCase()}_PASSWORD, permissions: $jetplug_${role} }`,
    ),
    '  ]',
    '}',
  ];
}

interface Allowed {
  readonly purpose: string;
  readonly subjects: readonly string[];
}

function allowed(what: string, grants: readonly Allowed[], denied: readonly string[]): string[] {
  return [
    `  ${what} = {`,
    '    allow = [',
    ...grants
      .filter(({ subjects }) => subjects.length > 0)
      .flatMap(({ purpose, subjects }) => [
        `      # ${purpose}`,
        ...subjects.map((one) => `      ${JSON.stringify(one)}`),
      ]),
    '    ]',
    ...(denied.length > 0 ? [`    deny = ${JSON.stringify(denied)}`] : []),
    '  }',
  ];
}

/**
 * Commands of nsc that give the current account a signing key and a user for each role. The key has the permissions, and
 * the token of the user has none: a token with the permissions of a host would mostly exceed the server's limit
 * `max_control_line`, which is 4 KB by default.
 */
export function nscCommands(roles: readonly RolePermissions[]): string[] {
  return [
    ...comments(roles),
    '# Run the commands once, and push the account. To add subjects later, leave out `--sk generate` and `nsc add user`:',
    '# otherwise nsc adds a second key of the same role, which no user has.',
    ...roles.flatMap(({ role, grants, denied }) => {
      const flags = [
        ...grants.flatMap(({ publish }) => publish.map((subject) => `--allow-pub ${quoted(subject)}`)),
        ...grants.flatMap(({ subscribe }) => subscribe.map((subject) => `--allow-sub ${quoted(subject)}`)),
        ...denied.map((subject) => `--deny-sub ${quoted(subject)}`),
      ];
      return [
        `nsc edit signing-key --sk generate --role jetplug-${role} \\`,
        ...flags.map((flag, i) => `  ${flag}${i < flags.length - 1 ? ' \\' : ''}`),
        `nsc add user --name jetplug-${role} --private-key jetplug-${role}`,
      ];
    }),
  ];
}

/** A subject as a word of a shell. nsc reads it as a list with commas, in which a quotation mark has to be doubled. */
function quoted(subject: string): string {
  const item = /[",]/.test(subject) ? `"${subject.replaceAll('"', '""')}"` : subject;
  return `'${item.replaceAll("'", `'\\''`)}'`;
}
