import { resolve } from 'node:path';

/** An error of the TypeScript compiler. An error of the project's settings has no place. */
export interface TypeFault {
  readonly code: string;
  readonly message: string;
  /** An absolute path. */
  readonly file?: string;
  readonly line?: number;
}

const IN_FILE = /^(\S.*)\((\d+),\d+\): error (TS\d+): (.*)$/;
const IN_SETTINGS = /^error (TS\d+): (.*)$/;
const END = /Found \d+ errors?\. /;

/** Reads the output of `tsc --watch --pretty false`. */
export class TypeReports {
  private faults: TypeFault[] = [];

  /** @param folder the folder of the project, from which the paths count */
  constructor(private readonly folder: string) {}

  /** Adds a line. Returns the errors at the end of each check. */
  add(line: string): readonly TypeFault[] | undefined {
    const [, path, number, code, message] = IN_FILE.exec(line) ?? [];
    if (path !== undefined) {
      this.faults.push({ code: code!, message: message!, file: resolve(this.folder, path), line: Number(number) });
      return undefined;
    }
    const [, ownCode, ownMessage] = IN_SETTINGS.exec(line) ?? [];
    if (ownCode !== undefined) this.faults.push({ code: ownCode, message: ownMessage! });
    if (!END.test(line)) return undefined;
    const { faults } = this;
    this.faults = [];
    return faults;
  }
}
