import { JetplugError } from '../../sdk/internal';
import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, asBrokerError } from './failures';
import { streamsHolding } from './streams';
import { FIXED_SUBJECTS, type WantedStream } from './wanted-streams';

/** Why the server did not create or update a stream, in the one catalogue. */
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
  // These names cannot be changed here.
  const isFixed = subjects.some((subject) => FIXED_SUBJECTS.includes(subject) || subject.startsWith('$KV.'));
  const hint = isFixed
    ? `The host needs ${subjects.join(' ')}: change the subjects of the other stream, or use another NATS account.`
    : undefined;
  return new JetplugError('JP_STREAM_OVERLAP', failure.message + where, { cause: error, hint });
}
