import { covers } from '../../sdk/internal';
import { lastSequence, streamsHolding } from '../nats/streams';
import type { HandlerDefinition } from '../load/describe';
import { nameByFile } from '../load/discover';
import type { PluginEntry } from '../plugin/plugins';
import { disabledIn, type Explainable } from './explain';
import { filesNotLoaded } from './files-not-loaded';
import { positionOf } from './status';
import { whyNot, type NotReceived } from './why-not-received';
import { streamFor } from '../broker/stream-state';

/** Who would receive an event of a subject, as `jetplug routes --json` shows it. */
export interface Routes {
  readonly subject: string;
  /** The stream that holds it and that handlers can be on; absent where none does. */
  readonly stream?: string;
  /** Where none does: what could be done. */
  readonly advice?: string;
  readonly receives: readonly Route[];
  readonly others: readonly Unreached[];
}

/** A handler that would receive it. */
export interface Route {
  readonly plugin: string;
  readonly handler: string;
  /** What it subscribes to. */
  readonly subject: string;
  readonly stream: string;
  readonly durable: string;
}

/** A handler, a plugin that could not be read, or a file that would not receive it. */
export interface Unreached extends Partial<Route>, NotReceived {
  readonly plugin: string;
}

/** Who in this host would receive an event of this subject, and why the others would not. */
export async function routesOf(subject: string, host: Explainable): Promise<Routes> {
  const stream = streamFor(host.streams, subject);
  const event: RoutedEvent = {
    subject,
    stream,
    nextSequence: stream === undefined ? 0 : (await lastSequence(host.connection, stream)) + 1,
  };
  const found = await Promise.all(host.plugins.entries.map((entry) => routesTo(entry, event, host)));
  const all = [...found.flat(), ...filesMeant(host)];
  return {
    subject,
    ...(stream === undefined ? { advice: await adviceFor(subject, host) } : { stream }),
    receives: all.filter((each): each is Route => !('reason' in each)),
    others: all.filter((each): each is Unreached => 'reason' in each),
  };
}

interface RoutedEvent {
  readonly subject: string;
  readonly stream: string | undefined;
  /** The sequence that it would get in its stream. */
  readonly nextSequence: number;
}

async function routesTo(entry: PluginEntry, event: RoutedEvent, host: Explainable): Promise<(Route | Unreached)[]> {
  const { definition, name } = entry;
  if (!definition) return [{ plugin: name, ...unread(entry) }];
  return Promise.all(definition.handlers.map((handler) => routeTo(entry, handler, event, host)));
}

async function routeTo(
  entry: PluginEntry,
  handler: HandlerDefinition,
  event: RoutedEvent,
  host: Explainable,
): Promise<Route | Unreached> {
  const stream = streamFor(host.streams, handler.subject);
  const matches = covers(handler.subject, event.subject) && stream !== undefined;
  const route = {
    plugin: entry.name,
    handler: handler.name,
    subject: handler.subject,
    ...(stream === undefined ? {} : { stream }),
    durable: handler.durable,
  };
  const position = matches ? await positionOf(host.connection, stream, handler.durable) : undefined;
  const consuming = entry.handlers.find(({ definition }) => definition.name === handler.name);
  const reason = whyNot({ ...event, handler, entry, consuming, position, disabledBy: disabledIn(entry.name, host) });
  return reason ? { ...route, ...reason } : (route as Route);
}

/** A plugin whose handlers nobody knows. */
function unread({ file, errors: [error], state }: PluginEntry): NotReceived {
  const unknown = 'which events it takes is not known';
  if (!error) return { reason: 'loading', why: `it is ${state}; ${unknown}`, waits: false, file };
  const { message, line } = error;
  const place = { file: error.file ?? file, ...(line === undefined ? {} : { line }) };
  return { reason: 'failed', why: `it failed: ${message}; ${unknown}`, waits: false, ...place };
}

/** Files that may have been meant as plugins. */
function filesMeant({ plugins, config }: Explainable): Unreached[] {
  return filesNotLoaded(plugins.entries, config.plugins)
    .filter(({ looksMeant }) => looksMeant)
    .map(({ file, error }) => ({
      plugin: nameByFile(file),
      reason: 'skipped',
      why: error.message,
      waits: false,
      file,
    }));
}

/** What would make a stream hold a subject that none does, or none that a handler can be on. */
async function adviceFor(subject: string, { connection, streams, sourceOf }: Explainable): Promise<string> {
  const [other] = await streamsHolding(connection, subject);
  if (other !== undefined)
    return `stream ${other} on the server holds it, which is not among those of the config: no handler can be on it`;
  const source = sourceOf('streams');
  const where = source.layer === 'file' ? ` (${source.file}:${source.line})` : '';
  const known = streams.map((stream) => `${stream.name} (${stream.subjects.join(', ')})`).join('; ');
  const wanted = subject.includes('.') ? `${subject.split('.')[0]}.>` : subject;
  return `add ${wanted} to the subjects of a stream in the config${where}; the streams are ${known}`;
}

/** One answer of several hosts': a handler that receives in one of them does. */
export function mergeRoutes(answers: readonly Routes[]): Routes {
  const keyOf = ({ plugin, handler, durable, file }: Partial<Unreached>): string =>
    [plugin, handler, durable, handler === undefined ? file : ''].join(' ');
  const receives = new Map(answers.flatMap((answer) => answer.receives).map((route) => [keyOf(route), route]));
  const others = new Map<string, Unreached>();
  for (const route of answers.flatMap((answer) => answer.others)) {
    const key = keyOf(route);
    // One that gets it later in some host says more than one that does not in another.
    if (!receives.has(key) && !others.get(key)?.waits) others.set(key, route);
  }
  return { ...answers[0]!, receives: [...receives.values()], others: [...others.values()] };
}
