import type { Draft, Source } from './draft';
import { faultsOf } from './faults';
import { formatOf } from './formats';
import type { Leaf } from './key';
import { leaves } from './schema';
import { nearest } from './suggest';

/** The flags of the command line that set config keys; `natsPort` and `data` ask for an embedded broker. */
export interface ConfigFlags {
  readonly servers?: readonly string[] | undefined;
  readonly natsPort?: number | string | undefined;
  readonly data?: string | undefined;
  /** The plugins folders, in place of the configured ones. */
  readonly plugins?: readonly string[] | undefined;
  readonly http?: string | undefined;
  readonly watch?: false | undefined;
  readonly verbose?: true | undefined;
}

const LEAVES = new Map(leaves());

/** Puts the variables that are set and not empty into the draft, and reports invalid ones. */
export function checkVariables(env: NodeJS.ProcessEnv, draft: Draft): void {
  for (const [path, leaf] of LEAVES) {
    const text = leaf.env && env[leaf.env];
    if (!leaf.env || !text) continue;
    const source = { layer: 'variable', name: leaf.env } as const;
    if (isValid(valueOf(text, leaf), path, leaf, source, draft)) draft.putVariable(path, leaf.env, text);
  }
  reportMistyped(env, draft);
}

const FLAGS: readonly [flag: keyof ConfigFlags, name: string, path: string][] = [
  ['servers', '--servers', 'nats.servers'],
  ['natsPort', '--nats-port', 'nats.embedded.port'],
  ['data', '--data', 'nats.embedded.data'],
  ['plugins', '--plugins', 'plugins.dirs'],
  ['http', '--http', 'http.listen'],
  ['watch', '--no-watch', 'plugins.watch'],
  ['verbose', '--verbose', 'log.verbose'],
];

/** Puts the given flags into the draft, and reports invalid ones. */
export function checkFlags(flags: ConfigFlags, draft: Draft): void {
  for (const [flag, name, path] of FLAGS) {
    const given = flags[flag];
    if (given === undefined) continue;
    const leaf = LEAVES.get(path)!;
    const value = typeof given === 'string' ? valueOf(given, leaf) : given;
    if (isValid(value, path, leaf, { layer: 'flag', name }, draft)) draft.putFlag(path, name, value);
  }
  if (flags.servers && asksForOwnBroker(flags)) {
    const hint = 'Leave out --servers, or --nats-port and --data.';
    draft.reportValue('nats.servers', { layer: 'flag', name: '--servers' }, 'contradicts --nats-port and --data', hint);
  }
}

export function asksForOwnBroker(flags: ConfigFlags): boolean {
  return flags.natsPort !== undefined || flags.data !== undefined;
}

/**
 * Reports unknown variables whose name is like that of a known one. Others are ignored, because other programs, such as
 * Kubernetes, set variables with this prefix too.
 */
function reportMistyped(env: NodeJS.ProcessEnv, draft: Draft): void {
  const known = [...LEAVES.values()].flatMap((leaf) => leaf.env ?? []);
  for (const name of Object.keys(env)) {
    if (!name.startsWith('JETPLUG_') || known.includes(name)) continue;
    const meant = nearest(name, known);
    if (!meant) continue;
    const message = `unknown variable "${name}": did you mean "${meant}"?`;
    draft.report('JP_CONFIG_UNKNOWN_KEY', name, { layer: 'variable', name }, message, `Write ${meant}.`);
  }
}

function valueOf(text: string, leaf: Leaf): unknown {
  return formatOf(leaf).fromText?.(text) ?? text;
}

function isValid(value: unknown, path: string, leaf: Leaf, source: Source, draft: Draft): boolean {
  const faults = faultsOf(value, formatOf(leaf), leaf.sensitive);
  for (const { item, what, hint } of faults) {
    draft.reportValue(item === undefined ? path : `${path}[${item}]`, source, what, hint);
  }
  return faults.length === 0;
}
