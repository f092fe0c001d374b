import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { JetplugError } from '../../sdk/internal';
import { packageRoot } from '../base/package-version';
import { place } from './output';

/** The fields of a package.json that `init` reads or adds. */
interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly private?: boolean;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly jest?: unknown;
}

/** Whether package.json is new, has got what was missing, or had all of it. */
export type ManifestChange = 'written' | 'completed' | 'kept';

const SCRIPTS = {
  ...(existsSync(join(__dirname, 'dev.js')) && { dev: 'jetplug dev' }),
  start: 'jetplug start',
  test: 'jest',
  check: 'tsc && jetplug check',
} as const;

/** The script that `npm init` writes. It is no test of the user's. */
const NO_TEST = 'echo "Error: no test specified" && exit 1';

const PACKAGES = ['zod'];
const DEV_PACKAGES = ['@swc/jest', '@types/jest', '@types/node', 'jest', 'typescript'];

const JEST_CONFIGS = ['js', 'ts', 'mjs', 'mts', 'cjs', 'cts', 'json'].map((extension) => `jest.config.${extension}`);

/**
 * Writes the project's package.json, or adds to it the scripts and packages that it does not have. It changes no value
 * that is there.
 * @throws JetplugError `JP_MANIFEST_INVALID`, `JP_FILE_UNWRITABLE`
 */
export function completeManifest(folder: string): ManifestChange {
  const file = join(folder, 'package.json');
  const before = readText(file);
  const manifest = before === undefined ? {} : parse(before, file);
  const completed = complete(manifest, folder);
  if (before !== undefined && JSON.stringify(completed) === JSON.stringify(manifest)) return 'kept';
  // The file keeps its indentation.
  const indent = /^([ \t]+)"/m.exec(before ?? '')?.[1] ?? '  ';
  write(file, `${JSON.stringify(completed, null, indent)}\n`);
  return before === undefined ? 'written' : 'completed';
}

/** Returns the scripts of the package.json in a folder; empty if it has none, or is no JSON. */
export function scriptsIn(folder: string): Readonly<Record<string, string>> {
  try {
    const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
    return scripts ?? {};
  } catch {
    return {}; // The scripts only choose how a command is written in a message.
  }
}

function complete(manifest: Manifest, folder: string): Manifest {
  const own = ownManifest();
  const versions = { ...own.dependencies, ...own.devDependencies };
  const scripts =
    manifest.scripts?.['test'] === NO_TEST ? { ...manifest.scripts, test: SCRIPTS.test } : manifest.scripts;
  const present = { ...manifest.dependencies, ...manifest.devDependencies };
  const missing = (names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.filter((name) => !Object.hasOwn(present, name)).map((name) => [name, versions[name]!]));
  const jetplug = Object.hasOwn(present, 'jetplug') ? {} : { jetplug: `^${own.version}` };
  const isConfigured = 'jest' in manifest || JEST_CONFIGS.some((name) => existsSync(join(folder, name)));
  return {
    ...(manifest.name === undefined && { name: nameFor(folder), version: '0.0.0', private: true }),
    ...manifest,
    scripts: { ...SCRIPTS, ...scripts },
    ...(isConfigured ? {} : { jest: { preset: 'jetplug' } }),
    dependencies: { ...manifest.dependencies, ...jetplug, ...missing(PACKAGES) },
    devDependencies: { ...manifest.devDependencies, ...missing(DEV_PACKAGES) },
  };
}

/** The package.json of Jetplug itself, whose versions of the packages are those that Jetplug is tested with. */
function ownManifest(): Manifest {
  return JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as Manifest;
}

/** A package name: the folder's name with the characters that npm accepts. */
function nameFor(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+/, '');
  // npm refuses to install a package into a project of the same name.
  return name === '' || name === 'jetplug' ? 'my-jetplug' : name;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new JetplugError('JP_FILE_UNWRITABLE', `${place(file)} cannot be read`, { file, cause });
  }
}

function parse(text: string, file: string): Manifest {
  const invalid = (cause?: unknown): JetplugError =>
    new JetplugError('JP_MANIFEST_INVALID', `${place(file)} is not a JSON object`, { file, cause });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid();
  return value;
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw new JetplugError('JP_FILE_UNWRITABLE', `${place(file)} cannot be written`, { file, cause });
  }
}
