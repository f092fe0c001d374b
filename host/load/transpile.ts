import { createRequire } from 'node:module';
import type swc from '@swc/core';
import type { Module, Options, Output, ParserConfig } from '@swc/core';
import { JetplugError } from '../../sdk/internal';
import { withHelpers } from './compiled-code';

const hostRequire = createRequire(__filename);
/**
 * Loads the compiler on first use, because a process that gets compiled texts starts faster and smaller without the
 * compiler.
 */
const compiler = (): typeof swc => hostRequire('@swc/core') as typeof swc;
/** The last source and code of each file. */
const cache = new Map<string, { readonly source: string; readonly code: string }>();
const MAX_CACHED = 2_000;
/** Whether the source maps of files that are compiled from now on have the sources in them. */
let isSourceEmbedded = false;

/**
 * Puts the sources into the source maps, for a process under a debugger that may not read the files itself. Files that
 * were compiled before keep their maps.
 */
export function embedSources(): void {
  isSourceEmbedded = true;
}

/**
 * The CommonJS JavaScript of a source file, with decorator metadata and an inline source map.
 * @throws JetplugError `JP_PLUGIN_SYNTAX` with the line
 */
export function transpile(file: string, source: string): string {
  const known = cached(file, source);
  if (known !== undefined) return known;
  try {
    return note(file, source, compiler().transformSync(source, optionsFor(file)));
  } catch (error) {
    throw syntaxError(file, error);
  }
}

/** Like {@link transpile}, in another thread. */
export async function transpileAside(file: string, source: string): Promise<string> {
  const known = cached(file, source);
  if (known !== undefined) return known;
  try {
    return note(file, source, await compiler().transform(source, optionsFor(file)));
  } catch (error) {
    throw syntaxError(file, error);
  }
}

function cached(file: string, source: string): string | undefined {
  const known = cache.get(file);
  return known?.source === source ? known.code : undefined;
}

function note(file: string, source: string, output: Output): string {
  const code = withHelpers(output.code);
  cache.set(file, { source, code });
  if (cache.size > MAX_CACHED) cache.delete(cache.keys().next().value!);
  return code;
}

/** The syntax tree of a source file; undefined if the file does not parse. */
export function parseSource(file: string, source: string): Module | undefined {
  try {
    return compiler().parseSync(source, { ...parserFor(file), target: 'es2022' });
  } catch {
    return undefined; // loading the file reports the syntax error
  }
}

function parserFor(file: string): ParserConfig {
  return /\.[cm]?ts$/.test(file)
    ? { syntax: 'typescript', decorators: true }
    : { syntax: 'ecmascript', decorators: true, decoratorsBeforeExport: true };
}

function optionsFor(file: string): Options {
  const parser = parserFor(file);
  return {
    filename: file,
    swcrc: false,
    configFile: false,
    sourceMaps: 'inline',
    // Most readers of a source map find the source in the file.
    inlineSourcesContent: isSourceEmbedded,
    jsc: {
      parser,
      transform: { legacyDecorator: true, decoratorMetadata: true },
      target: 'es2022',
      keepClassNames: true,
    },
    module: { type: 'commonjs' },
  };
}

/** Makes the error for a syntax error. swc names the place only in its message: `x Expected ident ,-[file:3:9]`. */
function syntaxError(file: string, error: unknown): JetplugError {
  // eslint-disable-next-line no-control-regex -- swc colours its message on a terminal
  const text = (error as Error).message.replace(/\u001b\[[0-9;]*m/g, '');
  const what = /^\s*[x×]\s+(.+)$/m.exec(text)?.[1] ?? text.split('\n')[0]!;
  const line = /[,╭]-?─?\[(?:.*:)?(\d+):\d+\]/.exec(text)?.[1];
  return new JetplugError('JP_PLUGIN_SYNTAX', what, {
    file,
    ...(line === undefined ? {} : { line: Number(line) }),
    cause: excerpt(text.split('\n\nCaused by:')[0]!),
  });
}

/**
 * Makes an error of the compiler's view of the place. The compiler's own error object carries a backtrace of the
 * compiler's internals.
 */
function excerpt(text: string): Error {
  const error = new Error(text);
  error.stack = text;
  return error;
}
