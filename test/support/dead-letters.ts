import type { NatsConnection, NatsError, StoredMsg } from 'nats';

/** All messages in the stream of dead letters, oldest first, read without the host's code. */
export async function storedLetters(nats: NatsConnection): Promise<StoredMsg[]> {
  const jsm = await nats.jetstreamManager();
  const { state } = await jsm.streams.info('DEAD');
  if (state.messages === 0) return [];
  const sequences = Array.from({ length: state.last_seq - state.first_seq + 1 }, (_, i) => state.first_seq + i);
  const letters = await Promise.all(
    sequences.map((seq) =>
      jsm.streams.getMessage('DEAD', { seq }).catch((error: unknown) => {
        // One that was redriven or dropped leaves a gap.
        if ((error as NatsError).code !== '404') throw error;
        return undefined;
      }),
    ),
  );
  return letters.filter((letter) => letter !== undefined);
}
