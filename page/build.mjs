// Bundles the page into dist/page/. The file names contain hashes of their content, so that a browser may keep them.
import { build } from 'esbuild';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const page = fileURLToPath(new URL('.', import.meta.url));
const out = join(page, '..', 'dist', 'page');

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const { outputFiles } = await build({
  entryPoints: [join(page, 'main.tsx'), join(page, 'style', 'style.css')],
  outdir: out,
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['chrome123', 'firefox121', 'safari17.5'],
  entryNames: '[name]-[hash]',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  write: false,
});
let html = readFileSync(join(page, 'index.html'), 'utf8');
for (const { path, contents } of outputFiles) {
  writeFileSync(path, contents);
  const name = basename(path);
  html = html.replace(name.endsWith('.css') ? 'style/style.css' : 'main.tsx', name);
}
writeFileSync(join(out, 'index.html'), html);
