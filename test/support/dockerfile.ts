import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** The result of the last stage of a Dockerfile. */
export interface Image {
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  /** Copied from the repository's folder, which also has the results of earlier stages. */
  readonly copies: readonly { sources: readonly string[]; target: string }[];
  /** The commands that are run in the last stage, for a shell in the working folder. */
  readonly runs: readonly string[];
  readonly command: readonly string[];
  readonly healthCommand: readonly string[];
}

/** Parses the part of the language that this repository's Dockerfile uses. */
export function readDockerfile(file: string): Image {
  const lines = readFileSync(file, 'utf8').replaceAll('\\\n', ' ').split('\n');
  const stage = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')) + 1);
  const all = (instruction: string): string[] =>
    stage.filter((line) => line.startsWith(`${instruction} `)).map((line) => line.slice(instruction.length).trim());
  const one = (instruction: string): string => {
    const [value, ...others] = all(instruction);
    if (value === undefined || others.length > 0) throw new Error(`${file}: not one ${instruction} in the last stage`);
    return value;
  };
  const list = (text: string): string[] => JSON.parse(text) as string[];
  const workdir = one('WORKDIR');
  return {
    workdir,
    env: Object.fromEntries(all('ENV').map((line) => line.split('=', 2) as [string, string])),
    copies: all('COPY').map((line) => {
      const words = line.split(/\s+/).filter((word) => !word.startsWith('--'));
      const sources = words.slice(0, -1).map((source) => source.replace(`${workdir}/`, ''));
      return { sources, target: words.at(-1)! };
    }),
    runs: all('RUN'),
    command: [...list(one('ENTRYPOINT')), ...list(one('CMD'))],
    healthCommand: list(one('HEALTHCHECK').replace(/^.*?\bCMD /, '')),
  };
}

/** Copies the image's working folder into an empty folder, with the packages of the repository. */
export function layOut(image: Image, repository: string, folder: string): void {
  for (const { sources, target } of image.copies) {
    for (const source of sources) {
      const to = target.endsWith('/') ? join(folder, target, basename(source)) : join(folder, target);
      mkdirSync(dirname(to), { recursive: true });
      cpSync(join(repository, source), to, { recursive: true });
    }
  }
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
}
