import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nkeys } from 'nats';
import type { Scene } from './scene';

interface KeyPair {
  getPublicKey(): string;
  getSeed(): Uint8Array;
  sign(input: Uint8Array): Uint8Array;
}

/** The client declares no types for its keys. */
const { createOperator, createAccount, createUser } = nkeys as Record<
  'createOperator' | 'createAccount' | 'createUser',
  () => KeyPair
>;

/** The arguments of one command. */
type Args = Readonly<Record<string, readonly string[]>>;

/** An operator and an account, as nsc keeps them. */
export interface Nsc {
  /** The part of a config of nats-server that knows the operator and the account. */
  readonly serverConfig: string;
  /** The file with the credentials of each user, by name. */
  readonly credsFiles: Readonly<Record<string, string>>;
}

/**
 * Runs commands of nsc in a shell, with a program in the place of nsc that records its arguments. Then makes of these
 * the account and the users that nsc makes of them. Supports `edit signing-key` and `add user`.
 */
export async function afterNsc(scene: Scene, commands: string): Promise<Nsc> {
  const [operator, system, account] = [createOperator(), createAccount(), createAccount()];
  const keys = new Map<string, KeyPair>();
  const scopes: object[] = [];
  const users: Record<string, string> = {};
  for (const { command, args } of await argumentsOf(scene, commands)) {
    if (command === 'edit signing-key') {
      const [role, key] = [only(args, 'role'), createAccount()];
      expect(only(args, 'sk')).toBe('generate');
      keys.set(role, key);
      scopes.push({
        kind: 'user_scope',
        key: key.getPublicKey(),
        role,
        template: { ...UNLIMITED, ...permissions(args) },
      });
    } else if (command === 'add user') {
      const name = only(args, 'name');
      users[name] = userCreds(name, account, keys.get(only(args, 'private-key'))!);
    } else throw new Error(`nsc has no command ${command}`);
  }
  const tokens = [
    [system, { limits: UNLIMITED }] as const,
    [account, { limits: ACCOUNT_LIMITS, signing_keys: scopes }] as const,
  ].map(([key, own]) => {
    const made = token(operator, key.getPublicKey(), 'account', { ...own, type: 'account', version: 2 });
    return `${key.getPublicKey()}: ${made}`;
  });
  const folder = scene.folder(users);
  return {
    serverConfig: [
      `operator: ${token(operator, operator.getPublicKey(), 'operator', { type: 'operator', version: 2 })}`,
      `system_account: ${system.getPublicKey()}`,
      'resolver: MEMORY',
      `resolver_preload: { ${tokens.join(', ')} }`,
    ].join('\n'),
    credsFiles: Object.fromEntries(Object.keys(users).map((name) => [name, join(folder, name)])),
  };
}

const UNLIMITED = { subs: -1, data: -1, payload: -1 };
const ACCOUNT_LIMITS = {
  ...{ ...UNLIMITED, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 },
  ...{ mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 },
};

/** Runs the commands with a program that writes each of its arguments, ended by a zero byte. */
async function argumentsOf(scene: Scene, commands: string): Promise<{ command: string; args: Args }[]> {
  const script = `#!/bin/sh\nprintf '%s\\0' "$@" >> "$NSC_ARGUMENTS"\nprintf '\\0' >> "$NSC_ARGUMENTS"\n`;
  const folder = scene.folder({ nsc: script, 'commands.sh': commands, arguments: '' });
  const recorded = join(folder, 'arguments');
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}`, NSC_ARGUMENTS: recorded };
  const run = promisify(execFile);
  await run('chmod', ['+x', join(folder, 'nsc')]);
  await run('sh', ['-eu', join(folder, 'commands.sh')], { env });
  const calls = readFileSync(recorded, 'utf8').split('\0\0').slice(0, -1);
  return calls.map((call) => parsed(call.split('\0')));
}

function parsed([verb, noun, ...flags]: string[]): { command: string; args: Args } {
  const args: Record<string, string[]> = {};
  for (let i = 0; i < flags.length; i += 2) (args[flags[i]!.replace(/^--/, '')] ??= []).push(flags[i + 1]!);
  return { command: `${verb} ${noun}`, args };
}

function only(args: Args, flag: string): string {
  expect(args[flag]).toHaveLength(1);
  return args[flag]![0]!;
}

function permissions(args: Args): object {
  const of = (what: string): object => ({ allow: args[`allow-${what}`] ?? [], deny: args[`deny-${what}`] ?? [] });
  return { pub: of('pub'), sub: of('sub') };
}

/** A user whose token is signed with a key that has permissions of its own has none, as the server demands. */
function userCreds(name: string, account: KeyPair, signer: KeyPair): string {
  const user = createUser();
  const own = { pub: {}, sub: {}, issuer_account: account.getPublicKey(), type: 'user', version: 2 };
  const seed = Buffer.from(user.getSeed()).toString();
  return [
    `-----BEGIN NATS USER JWT-----\n${token(signer, user.getPublicKey(), name, own)}\n------END NATS USER JWT------\n`,
    `-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`,
  ].join('\n');
}

function token(signer: KeyPair, subject: string, name: string, nats: object): string {
  const claims = {
    jti: randomUUID(),
    iat: Math.floor(Date.now() / 1_000),
    iss: signer.getPublicKey(),
    name,
    sub: subject,
  };
  const text = [
    { typ: 'JWT', alg: 'ed25519-nkey' },
    { ...claims, nats },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${text}.${Buffer.from(signer.sign(Buffer.from(text))).toString('base64url')}`;
}
