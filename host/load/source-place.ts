import { join } from 'node:path';
import { topFrame, type Location } from '../../sdk/internal';
import { readMember } from '../base/thrown';

/** Source texts by absolute path. */
type Sources = ReadonlyMap<string, string>;

/** The place of an error in the plugin's own files: the first frame of its stack that is in one of them. */
export function placeIn(sources: Pick<Sources, 'has'>, error: unknown): Location | undefined {
  const stack = readMember(error, 'stack');
  return typeof stack === 'string' ? topFrame(stack, (path) => sources.has(resolvePath(path))) : undefined;
}

/** The place where the plugin's sources declare a class, or a method of it. Falls back to line 1 of the first file. */
export function placeOf(sources: Sources, className: string, method?: string): Location {
  for (const [file, source] of sources) {
    const classAt = offsetOf(source, className, CLASS);
    if (classAt < 0) continue;
    const methodAt = method === undefined ? 0 : offsetOf(source.slice(classAt), method, METHOD);
    return { file, line: lineAt(source, classAt + Math.max(0, methodAt)) };
  }
  return { file: [...sources.keys()][0] ?? '', line: 1 };
}

/** Like {@link placeOf}, for a member of any form: static, an accessor or a property. */
export function placeOfMember(sources: Sources, className: string, member: string): Location {
  for (const [file, source] of sources) {
    const classAt = offsetOf(source, className, CLASS);
    if (classAt < 0) continue;
    const at = offsetOf(source.slice(classAt), member, MEMBER);
    if (at >= 0) return { file, line: lineAt(source, classAt + at) };
  }
  return placeOf(sources, className);
}

/** How a declaration looks: the text before the name on its line, and the text after the name. */
interface Declaration {
  readonly before: RegExp;
  readonly after: RegExp;
}

/** Matches a class, but not the word `class` in a comment. */
const CLASS: Declaration = { before: /^(?!\s*(?:\*|\/\/|\/\*)).*\bclass\s+$/, after: /^(?![\w$])/ };
/** Matches a method. Its decorator may stand, or end, on the same line. */
const METHOD: Declaration = {
  before: /^[ \t]*(?:[@}].*\)[ \t]+)?(?:(?:public|private|protected|override|async)\s+)*\*?$/,
  after: /^\s*[(<]/,
};
/** Matches a member of any form, with modifiers in any order. */
const MEMBER: Declaration = {
  before:
    /^[ \t]*(?:[@}].*\)[ \t]+)?(?:(?:public|private|protected|override|async|static|readonly|declare|accessor|get|set)\s+)*\*?\s*$/,
  after: /^\s*[!?]?\s*(?:[(<=:;]|$)/m,
};

/** The offset of the line that declares a name; -1 if no line does. */
function offsetOf(source: string, name: string, { before, after }: Declaration): number {
  for (let at = source.indexOf(name); at >= 0; at = source.indexOf(name, at + 1)) {
    const line = source.lastIndexOf('\n', at) + 1;
    if (before.test(source.slice(line, at)) && after.test(source.slice(at + name.length))) return line;
  }
  return -1;
}

function lineAt(source: string, offset: number): number {
  return source.slice(0, offset).split('\n').length;
}

function resolvePath(path: string): string {
  return join(path.replace(/^file:\/\//, ''));
}
