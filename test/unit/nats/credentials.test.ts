import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JetplugError } from '../../../sdk/internal';
import type { CredentialsConfig } from '../../../host/config/config';
import { loginOf } from '../../../host/nats/credentials';

let folder: string;
let file: string;
let troubles: JetplugError[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'jetplug-credentials-'));
  file = join(folder, 'secret');
  troubles = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const login = (credentials: CredentialsConfig) => loginOf(credentials, (error) => troubles.push(error))!;

/** The client declares no types for it. */
const { nkeys } = jest.requireActual<{
  nkeys: {
    createUser(): { getSeed(): Uint8Array };
    fromSeed(seed: Uint8Array): { getPublicKey(): string };
  };
}>('nats');
const seedOf = (): string => new TextDecoder().decode(nkeys.createUser().getSeed());
const publicKey = (seed: string): string => nkeys.fromSeed(new TextEncoder().encode(seed)).getPublicKey();
const creds = (jwt: string, seed: string): string =>
  `-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
const [one, two] = [seedOf(), seedOf()];

const KINDS: [key: keyof CredentialsConfig, first: string, second: string, answers: [object, object]][] = [
  [
    'passwordFile',
    'one',
    'two\n',
    [
      { user: 'u', pass: 'one' },
      { user: 'u', pass: 'two' },
    ],
  ],
  ['tokenFile', 'one\r\n', ' two ', [{ auth_token: 'one' }, { auth_token: ' two ' }]],
  ['nkeyFile', one, `${two}\n`, [{ nkey: publicKey(one) }, { nkey: publicKey(two) }]],
  [
    'credsFile',
    creds('jwt1', one),
    creds('jwt2', two),
    [
      { jwt: 'jwt1', nkey: publicKey(one) },
      { jwt: 'jwt2', nkey: publicKey(two) },
    ],
  ],
];
const of = (key: string): CredentialsConfig => ({ ...(key === 'passwordFile' && { user: 'u' }), [key]: file });

describe.each(KINDS)('the file of %s', (key, first, second, [before, after]) => {
  test('is read again at each login', () => {
    writeFileSync(file, first);
    const { authenticator } = login(of(key));
    expect(authenticator('nonce')).toMatchObject(before);
    writeFileSync(file, second);
    expect(authenticator('nonce')).toMatchObject(after);
    expect(troubles).toEqual([]);
  });

  test.each(['missing', 'empty'])('that is %s at a reconnect is reported, and the previous secret is used', (how) => {
    writeFileSync(file, first);
    const { authenticator } = login(of(key));
    if (how === 'missing') rmSync(file);
    else writeFileSync(file, '');
    expect(authenticator('nonce')).toMatchObject(before);
    expect(troubles).toEqual([
      expect.objectContaining({ code: 'JP_BROKER_AUTH', message: expect.stringContaining(`${file} cannot be used`) }),
    ]);
    writeFileSync(file, second);
    expect(authenticator('nonce')).toMatchObject(after);
  });

  test('that is missing at the start is an error that names the file', () => {
    expect(() => login(of(key))).toThrow(
      expect.objectContaining({ code: 'JP_BROKER_AUTH', message: expect.stringContaining(file) }),
    );
  });
});

test.each([
  ['credsFile', creds('jwt2', two).slice(0, 60)],
  ['credsFile', creds('jwt2', two).slice(0, -50)],
  ['nkeyFile', two.slice(0, 20)],
])('a %s that is half written at a reconnect is not used', (key, half) => {
  writeFileSync(file, key === 'credsFile' ? creds('jwt1', one) : one);
  const { authenticator } = login(of(key));
  writeFileSync(file, half);
  expect(authenticator('nonce')).toMatchObject({ nkey: publicKey(one) });
  expect(troubles).toHaveLength(1);
});

test('the description of the credentials contains no secret', () => {
  writeFileSync(file, creds('jwt1', one));
  const all = [login({ user: 'u', password: 'hunter2' }), login({ token: 'hunter2' }), login({ credsFile: file })];
  expect(all.map(({ described }) => described)).toEqual(['user u', 'the token', `the credentials in ${file}`]);
  expect(loginOf({})).toBeUndefined();
});
