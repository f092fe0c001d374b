import { join } from 'node:path';
import { jetplug } from './cli';
import type { TestServer } from './nats-server';
import type { Scene } from './scene';

const PASSWORD = 'p';
const ROLES = ['host', 'publisher', 'operator', 'deployer'] as const;

type Role = (typeof ROLES)[number];

/** The login of a role on a server of {@link grantedServer}. */
export function loginOf(role: Role): { readonly user: string; readonly password: string } {
  return { user: `jetplug-${role}`, password: PASSWORD };
}

/** The variables with which a command logs in. */
export function envOf(role: Role): NodeJS.ProcessEnv {
  const { user, password } = loginOf(role);
  return { JETPLUG_NATS_USER: user, JETPLUG_NATS_PASSWORD: password };
}

/**
 * Starts a server whose users have exactly the permissions that `jetplug permissions` prints for a config and plugins. A
 * client without a name may do everything.
 * @param plugins the plugins folder; default: those of the config
 */
export async function grantedServer(scene: Scene, config: object, plugins?: string): Promise<TestServer> {
  const cwd = scene.folder({ 'config.json': JSON.stringify(config) });
  const folder = plugins === undefined ? [] : ['--plugins', plugins];
  const args = ['permissions', '--config', join(cwd, 'config.json'), ...folder];
  const { code, stdout, stderr } = await jetplug(args, { cwd });
  if (code !== 0) throw new Error(stderr);
  const passwords = ROLES.map((role) => `JETPLUG_${role.toUpperCase()}_PASSWORD = "${PASSWORD}"`);
  const withAdmin = stdout.replace('users = [', `users = [\n    { user: "admin", password: "${PASSWORD}" }`);
  return scene.server([...passwords, withAdmin, 'no_auth_user: "admin"'].join('\n'));
}

/** Returns a function that reads the refusals which the server has logged since its last call, each once. */
export function refusalsOf(server: TestServer): () => string[] {
  let seen = 0;
  return () => {
    const log = server.log();
    const found = log.slice(seen).matchAll(/(?:Publish|Subscription) Violation.*/g);
    seen = log.length;
    return [...new Set([...found].map(([line]) => line))];
  };
}
