import type { DurableFacts, EventFacts, Evidence } from '../../../host/cli/fate-facts';
import { fateOf } from '../../../host/cli/fate-handler';
import type { RunChanges } from '../../../host/records/commits/commit';
import type { CommittedRun } from '../../../host/records/commits/find-runs';

const STORED_MS = Date.parse('2026-05-12T12:00:00Z');
const EVENT: EventFacts = { sequence: 7, subject: 'video.x', storedAtMs: STORED_MS, isGone: false };
const GONE: EventFacts = { sequence: 7, subject: 'video.x', isGone: true };

const durable = (facts: Partial<DurableFacts> = {}): DurableFacts => ({
  filters: ['video.>'],
  createdMs: STORED_MS - 1_000,
  delivered: 9,
  ackFloor: 3,
  deliversNew: false,
  isPulled: false,
  ...facts,
});
const evidence = (facts: Partial<Evidence> = {}): Evidence => ({
  plugin: 'badge',
  handler: 'award',
  durable: durable(),
  isSettled: false,
  runs: [],
  deferred: [],
  hosts: 0,
  ...facts,
});
const run = (changes: Partial<RunChanges> = {}): CommittedRun => ({
  position: 1,
  host: 'host-1',
  run: {
    origin: { handler: 'award', version: 'v1', attempt: 2, timeMs: STORED_MS + 5_000 },
    writes: new Map(),
    emits: [],
    ...changes,
  },
});
const DEAD = run({ left: { to: 'dead-letter' } });
const DEFERRED = run({ left: { to: 'retry-queue', dueAtMs: STORED_MS + 60_000 } });
const FAILED = { charged: 1, provisional: 1, outages: 0, deaths: 0 };
const LETTER = {
  id: 4,
  plugin: 'badge',
  handler: 'award',
  reason: 'rejected',
  error: 'bad',
  attempts: 1,
  subject: 'video.x',
  stream: 'EVENTS',
  sequence: 7,
  time: '2026-05-12T12:00:01.000Z',
  fingerprint: 'f',
};
const stay = { dueAtMs: STORED_MS + 60_000, isSettled: false, failures: 0 };
const OUTAGE = { since: new Date(STORED_MS), reason: 'down' };

test.each<[what: string, facts: Partial<Evidence>, fate: object]>([
  [
    'a committed run ends the event',
    { runs: [run()] },
    { state: 'done', why: 'handled', at: '2026-05-12T12:00:05.000Z', attempt: 2, version: 'v1', host: 'host-1' },
  ],
  ['a committed part of a run does not end it', { runs: [run({ part: 1 })], inHost: 'running' }, { state: 'running' }],
  [
    'a run after a redrive',
    { runs: [DEAD, run()] },
    { state: 'done', why: 'handled, after its dead letter was redriven' },
  ],
  ['a run after a deferral', { runs: [DEFERRED, run()] }, { state: 'done', why: 'handled, from the retry queue' }],
  [
    'a settled stay in the retry queue, without a commit log',
    { deferred: [{ ...stay, isSettled: true }], isSettled: true },
    { state: 'done', why: 'settled from the retry queue' },
  ],
  ['a stored letter', { letter: LETTER, isSettled: true }, { state: 'dead-lettered', letter: 4, reason: 'rejected' }],
  [
    'a letter that is not stored yet',
    { attempts: { ...FAILED, buried: { reason: 'timeout', attempts: 3, name: 'E', message: 'slow', stack: '' } } },
    { state: 'dead-lettered', reason: 'timeout', error: 'slow', attempt: 3 },
  ],
  ['a letter that is gone', { runs: [DEAD], isSettled: true }, { state: 'dead-lettered', dropped: true }],
  [
    'a redriven letter whose handler runs',
    { letter: LETTER, deferred: [{ ...stay, letter: 4 }], inHost: 'running', hosts: 1 },
    { state: 'dead-lettered', redriven: true, why: expect.stringContaining('runs it again now') },
  ],
  [
    'a deferred event that has failed before',
    { deferred: [{ ...stay, failures: 2 }] },
    { state: 'deferred', attempt: 3, dueAt: '2026-05-12T12:01:00.000Z' },
  ],
  ['a deferred event in an outage', { deferred: [stay], outage: OUTAGE }, { state: 'waiting', error: 'down' }],
  ['a deferred event that runs', { deferred: [stay], inHost: 'running' }, { state: 'running' }],
  ['failures without a known error', { attempts: FAILED, hosts: 1 }, { state: 'retrying', attempt: 3 }],
  [
    'deaths of a process',
    { attempts: { ...FAILED, deaths: 2 } },
    { state: 'retrying', why: expect.stringContaining('died 2 times') },
  ],
  ['another subject', { durable: durable({ filters: ['user.>'] }), isSettled: true }, { state: 'filtered' }],
  ['a start at a later sequence', { durable: durable({ startSequence: 8 }) }, { state: 'before-deployment' }],
  [
    'a start at a later sequence of a durable that may replace another',
    { durable: durable({ startSequence: 8 }), isSettled: true },
    { state: 'before-deployment', why: expect.stringContaining('if it replaces a deleted one') },
  ],
  ['a start at a later time', { durable: durable({ startMs: STORED_MS + 1 }) }, { state: 'before-deployment' }],
  [
    'a start with new events',
    { durable: durable({ deliversNew: true, createdMs: STORED_MS + 1 }) },
    { state: 'before-deployment' },
  ],
  ['an ack floor behind the event', { durable: durable({ ackFloor: 7 }) }, { state: 'done' }],
  ['an event in the buffer of a host', { inHost: 'queued', hosts: 1 }, { state: 'pending' }],
  [
    'a delivery that no host has',
    { hosts: 2 },
    { state: 'pending', why: expect.stringContaining('delivers it again') },
  ],
  [
    'a delivery to a host that did not answer',
    { durable: durable({ isPulled: true }) },
    { state: 'unknown', why: expect.stringContaining('no host answered') },
  ],
  [
    'an event that is not delivered',
    { durable: durable({ delivered: 5, before: 1 }) },
    { state: 'pending', before: 1 },
  ],
])('%s', (_what, facts, fate) => {
  expect(fateOf(EVENT, evidence(facts))).toMatchObject(fate);
});

test.each<[what: string, event: EventFacts, facts: Partial<Evidence>, fate: object]>([
  ['with a run', GONE, { runs: [run()] }, { state: 'done' }],
  // The server moves the ack floor when a message leaves its stream.
  ['with an ack floor behind it', GONE, { durable: durable({ ackFloor: 7 }) }, { state: 'unknown' }],
  ['that is in the record of settled events', GONE, { isSettled: true }, { state: 'unknown' }],
  ['of an unknown subject', { sequence: 7, isGone: true }, { isSettled: true }, { state: 'unknown' }],
  [
    'that was not delivered',
    GONE,
    { durable: durable({ delivered: 5 }) },
    { state: 'unknown', why: expect.stringContaining('before it was delivered') },
  ],
  ['in the retry queue', GONE, { deferred: [stay] }, { state: 'deferred' }],
])('an event that is gone %s', (_what, event, facts, fate) => {
  expect(fateOf(event, evidence(facts))).toMatchObject(fate);
});
