/** A place in a source file; lines count from 1. */
export interface Location {
  readonly file: string;
  readonly line: number;
}

// Two passes, each linear: a frame is text that an error's message may have brought from outside.
const UP_TO_PATH = /^\s*at (?:async )?(?:.*?\()??(?=(?:file:\/\/)?\/|[A-Za-z]:[\\/])/;
const POSITION = /:(\d+):\d+\)?$/;

/** The place named by the first frame of a stack that is in a file the filter accepts. */
export function topFrame(stack: string | undefined, accepts = (_file: string) => true): Location | undefined {
  for (const text of stack?.split('\n').slice(1) ?? []) {
    const start = UP_TO_PATH.exec(text)?.[0].length;
    const position = start === undefined ? null : POSITION.exec(text);
    if (!position) continue;
    const file = text.slice(start, position.index);
    // `), `: the frame of an eval, which is in no file.
    if (!file.includes('), ') && accepts(file))
      return { file: file.replace(/^file:\/\//, ''), line: Number(position[1]) };
  }
  return undefined;
}
