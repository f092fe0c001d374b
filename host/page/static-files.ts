import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { packageRoot } from '../base/package-version';

interface StaticFile {
  readonly type: string;
  readonly plain: Buffer;
  readonly gzipped: Buffer;
  readonly etag: string;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
};

/** Shown where the page is not built, as in a checkout that was only compiled. */
const NOT_BUILT =
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>Jetplug</title>' +
  '<h1>Jetplug</h1><p>The page is not built. Run <code>npm run build</code>, then start again.</p></html>';

const ANYBODY = { config: { open: 'anybody' } } as const;

/**
 * Serves the files of the built page, to everybody, because the sign-in form is one of them. Only files that exist now
 * have an address: no path of a request is ever looked up in a folder.
 */
export function addStaticFiles(app: FastifyInstance, folder = join(packageRoot(), 'dist', 'page')): void {
  const names = fileNames(folder).filter((name) => extname(name) in TYPES);
  for (const name of names) {
    if (name === 'index.html') continue;
    const file = once(() => readFile(name, readFileSync(join(folder, name))));
    app.get(`/${name.split('/').map(encodeURIComponent).join('/')}`, ANYBODY, (...args) => answer(...args, file()));
  }
  const index = once(() =>
    readFile(
      'index.html',
      names.includes('index.html') ? readFileSync(join(folder, 'index.html')) : Buffer.from(NOT_BUILT),
    ),
  );
  app.get('/', ANYBODY, (...args) => answer(...args, index()));
}

function fileNames(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) =>
        join(parentPath, name)
          .slice(folder.length + 1)
          .replaceAll('\\', '/'),
      );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Files are read and compressed at their first request, so that a start does not wait for it. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

function readFile(name: string, plain: Buffer): StaticFile {
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`;
  return { type: TYPES[extname(name)]!, plain, gzipped: gzipSync(plain), etag };
}

function answer({ headers }: FastifyRequest, reply: FastifyReply, file: StaticFile): FastifyReply {
  // The browser asks each time whether the file is still the same.
  void reply.headers({
    'content-type': file.type,
    etag: file.etag,
    'cache-control': 'no-cache',
    vary: 'accept-encoding',
  });
  if (headers['if-none-match'] === file.etag) return reply.code(304).send();
  if (!/\bgzip\b/.test(headers['accept-encoding'] ?? '')) return reply.send(file.plain);
  return reply.header('content-encoding', 'gzip').send(file.gzipped);
}
