/** A place in a source file; lines count from 1. */
export interface Location {
  readonly file: string;
  readonly line: number;
}

// Both patterns take linear time, because a frame may contain text of an error's message, which may come from outside.
const UP_TO_PATH = /^\s*at (?:async )?(?:.*?\()??(?=(?:file:\/\/)?\/|[A-Za-z]:[\\/])/;
const POSITION = /:(\d+):\d+\)?$/;

/** The place of the first stack frame in a file that the filter accepts. */
export function topFrame(stack: string | undefined, accepts = (_file: string) => true): Location | undefined {
  for (const text of stack?.split('\n').slice(1) ?? []) {
    const start = UP_TO_PATH.exec(text)?.[0].length;
    const position = start === undefined ? null : POSITION.exec(text);
    if (!position) continue;
    const file = text.slice(start, position.index);
    // `), ` marks the frame of an eval, which is in no file.
    if (!file.includes('), ') && accepts(file))
      return { file: file.replace(/^file:\/\//, ''), line: Number(position[1]) };
  }
  return undefined;
}
