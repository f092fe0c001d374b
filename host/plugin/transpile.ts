import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import type swc from '@swc/core';
import { JetplugError } from '../../sdk/internal';

const hostRequire = createRequire(__filename);
/** Loaded when it is needed: a process that is given compiled texts is quicker and smaller without it. */
const compiler = (): typeof swc => hostRequire('@swc/core') as typeof swc;
const cache = new Map<string, string>();
const MAX_CACHED = 2_000;

/**
 * The CommonJS JavaScript of a source file, with decorator metadata and an inline source map.
 * @throws JetplugError `JP_PLUGIN_SYNTAX` with the line
 */
export function transpile(file: string, source: string): string {
  const key = createHash('sha256').update(`${file}\n${source}`).digest('base64');
  const known = cache.get(key);
  if (known !== undefined) return known;
  const code = compile(file, source);
  cache.set(key, code);
  if (cache.size > MAX_CACHED) cache.delete(cache.keys().next().value!);
  return code;
}

function compile(file: string, source: string): string {
  const parser = file.endsWith('.ts')
    ? ({ syntax: 'typescript', decorators: true } as const)
    : ({ syntax: 'ecmascript', decorators: true, decoratorsBeforeExport: true } as const);
  try {
    return compiler().transformSync(source, {
      filename: file,
      swcrc: false,
      configFile: false,
      sourceMaps: 'inline',
      jsc: {
        parser,
        transform: { legacyDecorator: true, decoratorMetadata: true },
        target: 'es2022',
        keepClassNames: true,
      },
      module: { type: 'commonjs' },
    }).code;
  } catch (error) {
    throw syntaxError(file, error);
  }
}

/** swc tells the place only within its message: `x Expected ident ,-[file:3:9]`. */
function syntaxError(file: string, error: unknown): JetplugError {
  // eslint-disable-next-line no-control-regex -- swc colours its message on a terminal
  const text = (error as Error).message.replace(/\u001b\[[0-9;]*m/g, '');
  const what = /^\s*[x×]\s+(.+)$/m.exec(text)?.[1] ?? text.split('\n')[0]!;
  const line = /[,╭]-?─?\[(?:.*:)?(\d+):\d+\]/.exec(text)?.[1];
  return new JetplugError('JP_PLUGIN_SYNTAX', what, {
    file,
    ...(line === undefined ? {} : { line: Number(line) }),
    // Not the compiler's error itself: it brings a backtrace of its own insides.
    cause: text.split('\n\nCaused by:')[0],
  });
}
