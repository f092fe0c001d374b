import { deployerPermissions } from './deployer-role';
import type { Permissions } from './grants';
import { hostPermissions } from './host-role';
import { operatorPermissions } from './operator-role';
import { publisherPermissions } from './publisher-role';
import type { Scope } from './scope';

export const ROLES = ['host', 'publisher', 'operator', 'deployer'] as const;

/** A host, a program that publishes events, somebody who uses the commands, or somebody who runs `plan` and `apply`. */
export type Role = (typeof ROLES)[number];

const PERMISSIONS: Readonly<Record<Role, (scope: Scope) => Permissions>> = {
  host: hostPermissions,
  publisher: publisherPermissions,
  operator: operatorPermissions,
  deployer: deployerPermissions,
};

/** Returns the least permissions with which everything works that the role does. */
export function permissionsOf(role: Role, scope: Scope): Permissions {
  return PERMISSIONS[role](scope);
}
