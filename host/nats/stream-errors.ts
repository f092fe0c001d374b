import { JetplugError } from '../../sdk/internal';
import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, asBrokerError } from './failures';
import { streamsHolding } from './streams';
import { FIXED_SUBJECTS, type WantedStream } from './wanted-streams';

/**
 * Returns the error for a stream that the server refuses to create or update. The error names the streams that overlap
 * with this one.
 */
export async function streamError(
  connection: Connection,
  error: unknown,
  { settings }: WantedStream,
): Promise<JetplugError> {
  const { name, subjects } = settings;
  const failure = asBrokerError(error, `stream ${name}`);
  if (apiErrorCode(error) !== API_ERROR.subjectOverlap) return failure;
  const holders = new Set((await Promise.all(subjects.map((each) => streamsHolding(connection, each)))).flat());
  holders.delete(name);
  const where = holders.size > 0 ? `; ${subjects.join(' ')} and the stream ${[...holders].join(', ')} overlap` : '';
  // The config cannot change these subjects.
  const isFixed = subjects.some((subject) => FIXED_SUBJECTS.includes(subject) || subject.startsWith('$KV.'));
  const hint = isFixed
    ? `The host needs ${subjects.join(' ')}: change the subjects of the other stream, or use another NATS account.`
    : undefined;
  return new JetplugError('JP_STREAM_OVERLAP', failure.message + where, { cause: error, hint });
}
