import { existsSync } from 'node:fs';
import path from 'node:path';
import { checkFile } from './check-file';
import { asksForOwnBroker, checkFlags, checkVariables, type ConfigFlags } from './check-text';
import type { LoadedConfig, SourceOf } from './config';
import { checkCredentialFiles } from './credential-files';
import { crossCheck } from './cross-check';
import { Draft } from './draft';
import { effective } from './effective';
import { merge, type Written } from './merge';
import { readYamlFile, unreadable } from './yaml-file';

export type { ConfigFlags };

export interface LoadOptions {
  /** The folder that holds `config/`. All relative paths are relative to it, also those in files, variables and flags. */
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Further files (`--config`); each must exist. */
  readonly files?: readonly string[];
  readonly flags?: ConfigFlags;
}

/** A config as written, and the source of each value. */
export interface WrittenConfig {
  readonly written: Written;
  readonly sourceOf: SourceOf;
}

/**
 * Loads the effective configuration from its layers; a later one replaces values of an earlier one. The layers are the
 * built-in defaults, `config/default.yaml`, `config/$NODE_ENV.yaml`, `config/local.yaml` (each if it exists), the given
 * files, `JETPLUG_*` variables, and flags. Maps are merged, `streams` by
 * name, and other lists replaced as a whole.
 *
 * @throws AggregateError of every problem found, as JetplugErrors `JP_CONFIG_UNREADABLE`, `JP_CONFIG_UNKNOWN_KEY` and
 * `JP_CONFIG_INVALID`, each with its file and line, or with the name of its variable or flag.
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const { written, sourceOf } = loadWritten(options);
  return { config: deepFreeze(effective(written, options.cwd, asksForOwnBroker(options.flags ?? {}))), sourceOf };
}

/**
 * Loads the configuration like {@link loadConfig}, with its values as people write them.
 * @throws AggregateError like {@link loadConfig}
 */
export function loadWritten({ cwd, env, files = [], flags = {} }: LoadOptions): WrittenConfig {
  const draft = new Draft();
  for (const name of layersOf(env, draft)) addFile(path.resolve(cwd, 'config', name), draft);
  for (const name of files) addGivenFile(path.resolve(cwd, name), draft);
  checkVariables(env, draft);
  checkFlags(flags, draft);

  const written = merge(draft);
  crossCheck(written, draft);
  checkCredentialFiles(written, cwd, draft);
  refuseIfFaulty(draft);
  return { written, sourceOf: (at) => draft.sourceOf(at) };
}

/** The files of all layers in the order in which {@link loadConfig} reads them; some may not exist. */
export function configFiles({ cwd, env, files = [] }: LoadOptions): string[] {
  const layers = [...layersOf(env, new Draft())].map((name) => path.resolve(cwd, 'config', name));
  return [...layers, ...files.map((name) => path.resolve(cwd, name))];
}

/** Values of NODE_ENV that tools set for themselves, mostly in projects without a layer for it. */
const TOOLS_ENVIRONMENTS = ['development', 'test'];

/** Returns a note if NODE_ENV names a layer whose file does not exist. */
export function missingLayer({ cwd, env: { NODE_ENV: environment } }: LoadOptions): string | undefined {
  if (!environment || TOOLS_ENVIRONMENTS.includes(environment)) return undefined;
  const file = `config/${environment}.yaml`;
  if (existsSync(path.resolve(cwd, file))) return undefined;
  return `NODE_ENV is ${environment}, and there is no ${file}: the config has no layer for it`;
}

function layersOf({ NODE_ENV: environment }: NodeJS.ProcessEnv, draft: Draft): Set<string> {
  const isName = !environment || /^[\w-][\w.-]*$/.test(environment);
  if (!isName) {
    const message = `NODE_ENV is ${JSON.stringify(environment)}, but takes a plain name: config/$NODE_ENV.yaml is read`;
    draft.report('JP_CONFIG_INVALID', 'NODE_ENV', { layer: 'variable', name: 'NODE_ENV' }, message);
  }
  return new Set(['default.yaml', ...(environment && isName ? [`${environment}.yaml`] : []), 'local.yaml']);
}

/**
 * Reads a file into the draft.
 * @returns whether the file exists
 */
function addFile(file: string, draft: Draft): boolean {
  const yaml = readYamlFile(file);
  if (yaml) checkFile(yaml, draft);
  return yaml !== undefined;
}

function addGivenFile(file: string, draft: Draft): void {
  if (addFile(file, draft)) return;
  draft.problems.push(unreadable(file, 'there is no such file', { hint: 'Check the path given with --config.' }));
}

function refuseIfFaulty({ problems }: Draft): void {
  if (problems.length === 0) return;
  throw new AggregateError(
    problems,
    `${problems.length} problem${problems.length > 1 ? 's' : ''} in the configuration`,
  );
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
