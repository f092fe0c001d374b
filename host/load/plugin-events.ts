import { isPublishSubject, type EventContract } from '../../sdk/internal';
import type { CompiledPlugin } from './compile';
import { fieldsSchemaOf, type FieldsSchema } from './json-schema';

/** The events that a plugin handles and publishes, as plain JSON. */
export interface PluginEvents {
  /** The contracts of these events, each once. */
  readonly contracts: readonly DescribedContract[];
  /** For each handler, the index of its contract in `contracts`; null for a handler on a raw subject. */
  readonly handled: readonly (number | null)[];
  /** The events that the plugin's code publishes, as far as the code shows it. */
  readonly published: readonly PublishedSubject[];
}

/** A contract, and the JSON Schema of its fields. */
export interface DescribedContract extends FieldsSchema {
  readonly subject: string;
  /** The name under which the contract is exported; otherwise one that is made from the subject. */
  readonly name: string;
  /** The documentation comment of the contract. */
  readonly description?: string;
  /** The paths of the secret fields; absent if there are none. */
  readonly secret?: readonly string[];
}

export interface PublishedSubject {
  readonly subject: string;
  /** The index of the contract in `contracts`; null where the code names only the subject. */
  readonly contract: number | null;
}

interface Publication {
  readonly subject: string;
  readonly contract: EventContract | undefined;
}

type Source = Pick<CompiledPlugin, 'contracts' | 'texts'>;

/**
 * Describes the events of a plugin.
 * @param hasBus whether the plugin injects an event bus; without one, a call `publish('a.b', …)` is of something else
 */
export function eventsOf(
  plugin: Source,
  handlers: readonly { readonly contract: EventContract | undefined }[],
  hasBus: boolean,
): PluginEvents {
  const found: EventContract[] = [];
  const indexOf = (contract: EventContract): number => {
    const known = found.indexOf(contract);
    return known >= 0 ? known : found.push(contract) - 1;
  };
  const handled = handlers.map(({ contract }) => (contract ? indexOf(contract) : null));
  const published = new Map<string, PublishedSubject>();
  for (const { contract, subject } of publishedBy(plugin, hasBus)) {
    const index = contract ? indexOf(contract) : null;
    published.set(`${subject} ${index}`, { subject, contract: index });
  }
  return {
    contracts: found.map((contract) => describe(contract, plugin)),
    handled,
    published: [...published.values()],
  };
}

/**
 * Matches a comment, or a call of `publish` with a string or a name as its first argument, or a string. The first and
 * the last are matched so that calls in them do not count.
 */
const CALLS =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|\.publish\(\s*(?:(["'])([^"'\\\n]*)\1|(?:[\w$]+\.)*([\w$]+))\s*,|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;

/** Finds the calls of `publish` in the compiled code, which names an imported contract as it is exported. */
function publishedBy({ contracts, texts }: Source, hasBus: boolean): Publication[] {
  return [...texts.values()].flatMap(({ code }) =>
    [...code.matchAll(CALLS)].flatMap(([, , subject, name]): Publication[] => {
      if (subject !== undefined) return hasBus && isPublishSubject(subject) ? [{ subject, contract: undefined }] : [];
      const contract = name === undefined ? undefined : contracts.find((one) => one.name === name)?.contract;
      return contract ? [{ subject: contract.subject, contract }] : [];
    }),
  );
}

function describe(contract: EventContract, { contracts, texts }: Source): DescribedContract {
  const exported = contracts.find((one) => one.contract === contract)?.name;
  const description = exported === undefined ? undefined : commentOn(exported, texts);
  return {
    subject: contract.subject,
    name: exported ?? nameOf(contract.subject),
    ...(description !== undefined && { description }),
    ...secretsOf(contract),
    ...fieldsSchemaOf(contract.schema),
  };
}

/** A contract of an earlier version of the SDK has no list. */
function secretsOf({ secret = [] }: EventContract): Pick<DescribedContract, 'secret'> {
  const paths = secret.filter((path) => typeof path === 'string');
  return paths.length > 0 ? { secret: paths } : {};
}

/** Makes a class name from a subject: `VideoWatchStarted` from `video.watch_started`. */
function nameOf(subject: string): string {
  const words = subject.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  return words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('') || 'Event';
}

/** Returns the documentation comment above an exported class or constant. */
function commentOn(name: string, texts: Source['texts']): string | undefined {
  const escaped = name.replaceAll('$', '\\$');
  const declared = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s*export\\s+(?:class|const)\\s+${escaped}\\b`);
  for (const { source } of texts.values()) {
    const [, comment] = declared.exec(source) ?? [];
    const text = comment
      ?.split('\n')
      .map((line) => line.replace(/^\s*\*? ?/, '').trimEnd())
      .join('\n')
      .trim();
    if (text) return text;
  }
  return undefined;
}
