import { isEventContract, isPublishSubject, JetplugError, type EventContract } from '../../sdk/internal';
import type { Config } from '../config/config';
import { loadModules } from '../load/module-loader';
import { codeOf } from '../load/module-graph';
import type { Connection } from '../nats/connection';
import { readSamples, type Samples } from './event-samples';
import { ValueShape } from './event-shape';
import { figure } from './figure';
import { findContract, writtenContract, type Contract } from './new-contract';
import { place } from './output';
import { notesOf, schemaOf, type FieldNote } from './shape-schema';

/** A contract that was inferred from events, and how they fit it. */
export interface Inferred {
  readonly contract: Contract;
  readonly samples: Samples;
  /** The number of valid events that fit the contract. */
  readonly fit: number;
  /** How often each field made an event unfit, by its path. */
  readonly unfit: Readonly<Record<string, number>>;
  readonly notes: readonly FieldNote[];
}

/**
 * Infers a contract from the newest events of a subject.
 * @param plugins the plugins folder
 * @throws JetplugError `JP_SUBJECT_INVALID`, `JP_FILE_EXISTS` if a contract has the subject, or as
 * `readSamples` does
 */
export async function inferContract(
  connection: Connection,
  config: Config,
  subject: string,
  plugins: string,
): Promise<Inferred> {
  assertNew(subject, plugins);
  const samples = await readSamples(connection, config, subject);
  const shape = new ValueShape();
  for (const event of samples.events) shape.add(event);
  const unchecked = writtenContract(subject, plugins, commentOf(samples, subject), schemaOf(shape, '  '));
  const { schema } = loadContract(unchecked);
  return { contract: { ...unchecked, schema }, samples, notes: notesOf(shape), ...(await fitting(schema, samples)) };
}

function assertNew(subject: string, plugins: string): void {
  if (!isPublishSubject(subject)) {
    throw new JetplugError('JP_SUBJECT_INVALID', `--from-stream ${JSON.stringify(subject)}`, {
      hint: 'A contract is for one subject, without wildcards.',
    });
  }
  const known = findContract(subject, plugins);
  if (!known) return;
  throw new JetplugError('JP_FILE_EXISTS', `${place(known.file)} has a contract for ${subject}: ${known.name}`, {
    file: known.file,
    hint: `Use it with --on ${known.name}, or move it away to infer it anew.`,
  });
}

function commentOf({ events, stream, oldestMs, newestMs }: Samples, subject: string): string[] {
  const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  return [
    `Inferred from the newest ${figure(events.length)} valid events of ${subject} in the stream ${stream}, stored from`,
    `${day(oldestMs)} to ${day(newestMs)}. Read it before you use it: an event that does not fit goes to the dead letters.`,
    '',
    'Describe here when the event is published, and the meaning of its fields.',
  ];
}

/** Loads the contract from its text, as the host will load it from its file. */
function loadContract({ file, name, text }: Contract & { readonly text: string }): EventContract {
  const texts = new Map([[file, { source: text, code: codeOf(file, text) }]]);
  const { exports } = loadModules(file, { texts });
  const contract = (exports as Record<string, unknown>)[name];
  if (isEventContract(contract)) return contract;
  throw new JetplugError('JP_INTERNAL', `the inferred contract is not a contract:\n${text}`, { file });
}

async function fitting(schema: EventContract['schema'], { events }: Samples): Promise<Pick<Inferred, 'fit' | 'unfit'>> {
  const unfit: Record<string, number> = {};
  let fit = 0;
  for (const event of events) {
    const { issues } = await schema['~standard'].validate(event);
    if (!issues) fit++;
    for (const { path = [] } of issues ?? []) {
      const field = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
      unfit[field] = (unfit[field] ?? 0) + 1;
    }
  }
  return { fit, unfit };
}
