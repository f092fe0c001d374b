import { JetplugError } from '../../sdk/internal';
import { keysOf } from '../base/plain-error';
import { readMember } from '../base/thrown';
import { placeOf } from './source-place';

/** The error for a file without a plugin, at the line of the class that its author probably meant, if there is one. */
export function noPlugin(file: string, exports: unknown, sources: ReadonlyMap<string, string>): JetplugError {
  const { name, why, hint } = whyNoPlugin(exports, sources.get(file) ?? '');
  const place = name === undefined ? { file, line: 1 } : placeOf(sources, name);
  return new JetplugError('JP_PLUGIN_NONE_EXPORTED', why, { ...place, ...(hint !== undefined && { hint }) });
}

interface Reason {
  /** The name of the class that was probably meant. */
  readonly name?: string;
  readonly why: string;
  readonly hint?: string;
}

function whyNoPlugin(exports: unknown, source: string): Reason {
  const decorated = decoratedClass(source);
  if (decorated !== undefined) {
    const why = `${decorated} has @Plugin(), but the file does not export it`;
    return { name: decorated, why, hint: `Write \`export\` before \`class ${decorated}\`.` };
  }
  const [bare] = exportedClasses(exports);
  if (bare !== undefined) {
    const why = `the file exports no class with @Plugin: ${bare} is exported, but not decorated`;
    return {
      name: bare,
      why,
      hint: `Write \`@Plugin()\` above \`class ${bare}\`, or rename the file if it is no plugin.`,
    };
  }
  return { why: 'the file exports no class with @Plugin' };
}

/** Finds the class below the first `@Plugin` that starts a line; one in a comment usually does not. */
function decoratedClass(source: string): string | undefined {
  const at = /^[ \t]*@Plugin\b/m.exec(source)?.index;
  return at === undefined ? undefined : /\bclass\s+([\p{L}_$][\p{L}\p{N}_$]*)/u.exec(source.slice(at))?.[1];
}

const MAX_EXPORTS = 100;

function exportedClasses(exports: unknown): string[] {
  const values =
    typeof exports === 'function' ? [exports] : keysOf(exports, MAX_EXPORTS).map((key) => readMember(exports, key));
  return values.flatMap((value) => (isClass(value) ? [value.name] : []));
}

function isClass(value: unknown): value is { readonly name: string } {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value)) && value.name !== '';
}
