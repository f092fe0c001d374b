/** A place in a source file; lines count from 1. */
export interface Location {
  readonly file: string;
  readonly line: number;
}

/** The place named by the first frame of a stack that is in a file the filter accepts. */
export function topFrame(stack: string | undefined, accepts = (_file: string) => true): Location | undefined {
  for (const text of stack?.split('\n').slice(1) ?? []) {
    const match = /^\s*at .*?\(?((?:file:\/\/)?\/[^()]+|[A-Za-z]:[\\/][^()]+):(\d+):\d+\)?$/.exec(text);
    if (match && accepts(match[1]!)) return { file: match[1]!.replace(/^file:\/\//, ''), line: Number(match[2]) };
  }
  return undefined;
}
