import type { NatsConnection, NatsError, StoredMsg } from 'nats';

/** All that the stream of dead letters holds, oldest first, read without the host's code. */
export async function storedLetters(nats: NatsConnection): Promise<StoredMsg[]> {
  const jsm = await nats.jetstreamManager();
  const { state } = await jsm.streams.info('DEAD');
  const letters: StoredMsg[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
    try {
      letters.push(await jsm.streams.getMessage('DEAD', { seq }));
    } catch (error) {
      // One that was redriven or dropped leaves a gap.
      if ((error as NatsError).code !== '404') throw error;
    }
  }
  return letters;
}
