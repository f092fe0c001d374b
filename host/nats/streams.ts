import {
  DiscardPolicy,
  nanos,
  RetentionPolicy,
  StorageType,
  type StreamConfig as ServerStreamConfig,
  type StreamInfo,
} from 'nats';
import { covers, JetplugError } from '../../sdk/internal';
import type { Config, StreamConfig } from '../config/config';
import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, asBrokerError } from './failures';

/** What was done about a stream at the start. */
export interface StreamState {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly change: 'created' | 'updated' | 'unchanged';
  readonly messages: number;
}

/** A stream of the config, and how the server is told of it. */
type WantedStream = Partial<ServerStreamConfig> & { readonly name: string };

/** Makes the streams of the config, the dead letters' among them; updates what can be updated in place. Deletes nothing. */
export async function ensureStreams(connection: Connection, config: Config): Promise<StreamState[]> {
  const states: StreamState[] = [];
  for (const stream of wantedStreams(config)) states.push(await ensureStream(connection, stream));
  return states;
}

/** The streams of the config, the dead letters' as the last one. */
export function wantedStreams(config: Config): WantedStream[] {
  // One letter a subject: an event that was redriven and fails again gets a new letter in place of its old one.
  const letters = { ...toServer(deadLetterStream(config)), max_msgs_per_subject: 1 };
  return [...config.streams.map(toServer), letters];
}

/** When a stream was made; one made again counts its sequences anew. */
export async function streamCreated({ jsm }: Connection, name: string): Promise<string> {
  try {
    return (await jsm.streams.info(name)).created;
  } catch (error) {
    throw asBrokerError(error, `stream ${name}`);
  }
}

/** The sequence of the newest message that was stored in a stream; 0 before the first. */
export async function lastSequence({ jsm }: Connection, name: string): Promise<number> {
  try {
    return (await jsm.streams.info(name)).state.last_seq;
  } catch (error) {
    throw asBrokerError(error, `stream ${name}`);
  }
}

/** Whether a stream holds a message on one of the subjects that the filter covers: asks for the first, and lists none. */
export async function holdsAny({ acks }: Connection, stream: string, filter: string): Promise<boolean> {
  try {
    await acks.askApi(`STREAM.MSG.GET.${stream}`, { seq: 1, next_by_subj: filter });
    return true;
  } catch (error) {
    if (apiErrorCode(error) === API_ERROR.noMessage) return false;
    throw error;
  }
}

const ASK_MS = 1_000;

/** The streams on the server that hold a subject, whoever made them; none where the host may not ask. */
export async function streamsHolding({ nc, apiPrefix }: Connection, subject: string): Promise<string[]> {
  try {
    // What may not be asked gets no answer: not the client's five seconds for it.
    const answer = await nc.request(`${apiPrefix}.STREAM.NAMES`, JSON.stringify({ subject }), { timeout: ASK_MS });
    return answer.json<{ streams?: string[] | null }>().streams ?? [];
  } catch {
    return []; // it only adds to what is known from the config
  }
}

/** The name of the stream that holds all that the subject matches. */
export function streamFor(
  streams: readonly Pick<StreamState, 'name' | 'subjects'>[],
  subject: string,
): string | undefined {
  return streams.find((stream) => stream.subjects.some((own) => covers(own, subject)))?.name;
}

function deadLetterStream({ deadLetters, streams }: Config): StreamConfig {
  return {
    name: deadLetters.stream,
    subjects: ['dead.>'],
    maxAgeMs: deadLetters.maxAgeMs,
    maxBytes: -1,
    duplicateWindowMs: 120_000,
    storage: 'file',
    replicas: streams[0]?.replicas ?? 1,
  };
}

function toServer(stream: StreamConfig): WantedStream {
  return {
    name: stream.name,
    subjects: [...stream.subjects],
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    storage: stream.storage === 'memory' ? StorageType.Memory : StorageType.File,
    max_age: nanos(stream.maxAgeMs),
    max_bytes: stream.maxBytes,
    duplicate_window: nanos(stream.duplicateWindowMs),
    num_replicas: stream.replicas,
    allow_direct: true,
  };
}

export async function ensureStream(connection: Connection, wanted: WantedStream): Promise<StreamState> {
  const { streams } = connection.jsm;
  const state = (change: StreamState['change'], info: StreamInfo): StreamState => ({
    name: wanted.name,
    subjects: wanted.subjects ?? [],
    change,
    messages: info.state.messages,
  });
  try {
    const info = await streams.info(wanted.name);
    const differing = differences(wanted, info.config);
    if (differing.length === 0) return state('unchanged', info);
    refuseFixed(wanted, info.config, differing);
    await streams.update(wanted.name, { ...info.config, ...wanted });
    return state('updated', info);
  } catch (error) {
    if (error instanceof JetplugError) throw error;
    if (apiErrorCode(error) !== API_ERROR.streamNotFound) throw streamError(error, wanted.name);
  }
  try {
    return state('created', await streams.add(wanted));
  } catch (error) {
    throw streamError(error, wanted.name);
  }
}

const FIXED_FIELDS: readonly string[] = ['storage', 'retention'];

function refuseFixed(wanted: object, actual: object, differing: string[]): void {
  const fixed = differing.filter((field) => FIXED_FIELDS.includes(field));
  if (fixed.length === 0) return;
  const changes = fixed.map((field) => `${field} is ${show(actual, field)}, the config says ${show(wanted, field)}`);
  throw new JetplugError('JP_STREAM_NOT_UPDATABLE', `stream ${show(wanted, 'name')}: ${changes.join('; ')}`);
}

function differences(wanted: object, actual: object): string[] {
  return Object.keys(wanted).filter((field) => show(wanted, field) !== show(actual, field));
}

function show(config: object, field: string): string {
  const value = (config as Record<string, unknown>)[field];
  return value === undefined ? 'absent' : JSON.stringify(value);
}

function streamError(error: unknown, name: string): JetplugError {
  if (apiErrorCode(error) === API_ERROR.subjectOverlap) {
    return new JetplugError('JP_STREAM_OVERLAP', `stream ${name}: ${(error as Error).message}`, { cause: error });
  }
  if (apiErrorCode(error) === API_ERROR.noStorage) {
    return new JetplugError('JP_STREAM_NO_ROOM', `stream ${name}: ${(error as Error).message}`, { cause: error });
  }
  return asBrokerError(error, `stream ${name}`);
}
