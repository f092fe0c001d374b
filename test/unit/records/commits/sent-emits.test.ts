import { FoldedLog } from '../../../../host/records/commits/folded-log';
import { Transaction } from '../../../../host/records/commits/transaction';
import { SentEmits } from '../../../../host/records/commits/sent-emits';
import { after, changesOf, eventOf } from './fake-host';
import { TurnTime } from './turn-time';

const emit = (id: string) => ({ id, subject: 's', payload: '{}', headers: {} });

describe('SentEmits', () => {
  let due = 0;
  let folded: FoldedLog;
  let sent: SentEmits;
  const time = new TurnTime();
  const commit = (position: number, id: string, part?: number): void => {
    const run = changesOf(1, new Transaction(), { emits: [emit(id)], ...(part !== undefined && { part }) });
    folded.fold(position, { host: 'x', number: 1, runs: [run], sent: [], adopted: new Map() });
  };
  beforeEach(() => {
    due = 0;
    folded = new FoldedLog(() => 0, 'host');
    sent = new SentEmits(folded, time, () => due++);
  });
  afterEach(() => sent.stop());

  it('keeps emits of a later commit that were not sent', () => {
    commit(1, 'a', 1);
    const emits = sent.unsentOf(eventOf(1));
    commit(2, 'b');
    sent.note(eventOf(1), emits);
    expect(sent.unsentOf(eventOf(1))).toEqual([emit('b')]);
  });

  it('asks for a commit, also again after that was refused', async () => {
    commit(1, 'a');
    sent.note(eventOf(1));
    await after(310);
    expect(due).toBe(1);
    const taken = sent.take();
    sent.putBack({ host: 'x', number: 1, runs: [], sent: taken, adopted: new Map() });
    await after(310);
    expect([due, sent.take()]).toEqual([2, taken]);
  });

  it('asks for no commit if a run has taken the notes', async () => {
    commit(1, 'a');
    sent.note(eventOf(1));
    expect(sent.take()).toHaveLength(1);
    await after(310);
    expect(due).toBe(0);
  });

  it('notes nothing for an event without emits', () => {
    sent.note(eventOf(9));
    expect(sent.isEmpty).toBe(true);
  });
});
