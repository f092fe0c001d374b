import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { fetchFromRelease, releaseName } from '../../../host/nats-server/from-release';
import { FakeMachine, fakeServer } from './fake-machine';

const NAME = releaseName(process.platform, process.arch);
const ARCHIVE = `${NAME}.tar.gz`;
const LIMITS = { connectMs: 2_000, silenceMs: 100 };

type Answer = (response: ServerResponse) => void;

let machine: FakeMachine;
let server: Server;
let answers: Record<string, Answer>;
let archive: Buffer;

beforeEach(async () => {
  machine = new FakeMachine();
  for (const program of ['tar', 'gzip']) machine.install(program, `exec /bin/${program} "$@"`);
  machine.write(`${NAME}/nats-server`, fakeServer());
  machine.write(`${NAME}/README.md`, randomBytes(100_000).toString('hex'));
  execFileSync('tar', ['-czf', ARCHIVE, NAME], { cwd: machine.folder });
  archive = readFileSync(join(machine.folder, ARCHIVE));
  answers = {
    [`/v2.15.2/SHA256SUMS`]: send(`${'0'.repeat(64)}  other.tar.gz\n${sumOf(archive)}  ${ARCHIVE}\n`),
    [`/v2.15.2/${ARCHIVE}`]: send(archive),
  };
  server = createServer((request, response) => (answers[request.url ?? ''] ?? status(404))(response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  machine.remove();
});

test('fetches the archive, checks its sum, and leaves only the binary in the cache', async () => {
  const seen: [number, number | undefined][] = [];
  const path = await fetchIt((bytes, total) => seen.push([bytes, total]));
  expect(path).toBe(machine.cached);
  expect(execFileSync(path, ['--version'], { encoding: 'utf8' })).toBe('nats-server: v2.15.2\n');
  expect(seen.at(-1)).toEqual([archive.length, archive.length]);
  expect(readdirSync(machine.cache)).toEqual(['nats-server-v2.15.2']);
  expect(readdirSync(dirname(path))).toEqual(['nats-server']);
});

test('follows the redirects of the code host', async () => {
  answers['/elsewhere'] = send(archive);
  answers[`/v2.15.2/${ARCHIVE}`] = (response) => response.writeHead(302, { location: '/elsewhere' }).end();
  expect(await fetchIt()).toBe(machine.cached);
});

test('two that fetch at once both succeed', async () => {
  expect(await Promise.all([fetchIt(), fetchIt()])).toEqual([machine.cached, machine.cached]);
  expect(readdirSync(machine.cache)).toEqual(['nats-server-v2.15.2']);
});

test.each<[string, () => void, string]>([
  [
    'an archive whose sum is not the published one',
    () => (answers[`/v2.15.2/${ARCHIVE}`] = send('evil')),
    'is published',
  ],
  ['no archive', () => (answers[`/v2.15.2/${ARCHIVE}`] = status(404)), 'answered 404'],
  ['no sums', () => (answers['/v2.15.2/SHA256SUMS'] = status(404)), 'SHA256SUMS answered 404'],
  ['sums without this archive', () => (answers['/v2.15.2/SHA256SUMS'] = send('')), 'do not name'],
  ['a server error', () => (answers['/v2.15.2/SHA256SUMS'] = status(503)), 'answered 503'],
  ['a redirect in a circle', () => (answers['/v2.15.2/SHA256SUMS'] = redirect('SHA256SUMS')), 'redirects more than'],
  ['an archive cut short', () => (answers[`/v2.15.2/${ARCHIVE}`] = cutShort), 'broke off after 1000 of'],
  ['a download that stalls', () => (answers[`/v2.15.2/${ARCHIVE}`] = stall), 'nothing came for 0.1 s'],
  ['a server that never answers', () => (answers['/v2.15.2/SHA256SUMS'] = () => undefined), 'nothing came for 0.1 s'],
  ['an archive that is none', () => publish('no archive'), 'tar'],
  ['no tar to unpack with', () => machine.install('tar', 'exit 2'), 'exit code 2'],
])('%s fails with its reason, and leaves nothing behind', async (_, spoil, reason) => {
  spoil();
  await expect(fetchIt()).rejects.toThrow(reason);
  expect(existsSync(machine.cached)).toBe(false);
  expect(readdirSync(machine.cache)).toEqual(['nats-server-v2.15.2']);
});

test('a server that takes connections but never completes them is left soon', async () => {
  // Plain HTTP where TLS is spoken: the handshake gets no answer that would complete it.
  const silent = createServer();
  silent.removeAllListeners('connection');
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const sockets: { destroy(): void }[] = [];
  silent.on('connection', (socket) => sockets.push(socket));
  try {
    const limits = { connectMs: 50, silenceMs: 60_000 };
    await expect(
      fetchFromRelease({
        env: machine.env,
        say: () => undefined,
        releasesUrl: `https://127.0.0.1:${portOf(silent)}`,
        limits,
      }),
    ).rejects.toThrow('no connection within 0.05 s');
  } finally {
    for (const socket of sockets) socket.destroy();
    silent.close();
    await once(silent, 'close');
  }
});

test.each([
  ['linux', 'x64', 'nats-server-v2.15.2-linux-amd64'],
  ['linux', 'arm', 'nats-server-v2.15.2-linux-arm7'],
  ['darwin', 'arm64', 'nats-server-v2.15.2-darwin-arm64'],
  ['win32', 'x64', 'nats-server-v2.15.2-windows-amd64'],
])('the archive for %s on %s is %s', (platform, arch, name) => {
  expect(releaseName(platform, arch)).toBe(name);
});

test('a platform without a release is named', () => {
  expect(() => releaseName('sunos', 'x64')).toThrow('there is no release for sunos on x64');
});

function fetchIt(progress?: (bytes: number, total: number | undefined) => void): Promise<string> {
  const releasesUrl = `http://127.0.0.1:${portOf(server)}`;
  return fetchFromRelease({ env: machine.env, say: () => undefined, progress, releasesUrl, limits: LIMITS });
}

function publish(content: string): void {
  answers['/v2.15.2/SHA256SUMS'] = send(`${sumOf(Buffer.from(content))}  ${ARCHIVE}\n`);
  answers[`/v2.15.2/${ARCHIVE}`] = send(content);
}

function send(content: string | Buffer): Answer {
  return (response) => response.writeHead(200, { 'content-length': Buffer.byteLength(content) }).end(content);
}

function status(code: number): Answer {
  return (response) => response.writeHead(code).end();
}

function redirect(location: string): Answer {
  return (response) => response.writeHead(302, { location }).end();
}

function stall(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': archive.length }).write(archive.subarray(0, 1000));
}

function cutShort(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': archive.length });
  response.write(archive.subarray(0, 1000), () => setTimeout(() => response.destroy(), 20));
}

function sumOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function portOf(listening: Server): number {
  const address = listening.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
