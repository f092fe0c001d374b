import type { Permissions } from './grants';
import { hostPermissions } from './host-role';
import { operatorPermissions } from './operator-role';
import { publisherPermissions } from './publisher-role';
import type { Scope } from './scope';

export const ROLES = ['host', 'publisher', 'operator'] as const;

/** A host, a program that publishes events, or somebody who uses the commands. */
export type Role = (typeof ROLES)[number];

const PERMISSIONS: Readonly<Record<Role, (scope: Scope) => Permissions>> = {
  host: hostPermissions,
  publisher: publisherPermissions,
  operator: operatorPermissions,
};

/** Returns the least permissions with which everything works that the role does. */
export function permissionsOf(role: Role, scope: Scope): Permissions {
  return PERMISSIONS[role](scope);
}
