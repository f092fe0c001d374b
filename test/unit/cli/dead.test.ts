import { Command } from 'commander';
import { deadCommand } from '../../../host/cli/dead';
import type * as deadLetters from '../../../host/cli/dead-letters';
import type { DeadLetterSummary } from '../../../host/ops/dead-letter-summary';
import { apiError, LetterServer } from '../../support/letter-server';
import { Printed } from '../../support/printed';
import { storedLetter } from '../../support/stored-letter';

let server: LetterServer;
let connects: number;
jest.mock('../../../host/cli/dead-letters', () => ({
  ...jest.requireActual<typeof deadLetters>('../../../host/cli/dead-letters'),
  withLetters: (_flags: object, work: (services: unknown) => unknown) => {
    connects++;
    return work(server.services);
  },
}));

let printed: Printed;
beforeEach(() => {
  connects = 0;
  printed = new Printed();
  server = new LetterServer([1, 2, 3].map((id) => storedLetter({ id, given: { sequence: id } })));
});
afterEach(() => jest.restoreAllMocks());

/** Runs `jetplug dead` with these arguments. */
async function dead(...args: string[]): Promise<void> {
  const program = new Command().exitOverride();
  deadCommand(program);
  await program.parseAsync(['dead', ...args], { from: 'user' });
}
/** Lets a part of the event of a letter be lost. */
function lose(...ids: number[]): void {
  server.letters = server.letters.map((letter) => {
    const headers = { ...letter.headers, 'x-payload-left-in-stream': '9' };
    return ids.includes(letter.id) ? { ...letter, headers } : letter;
  });
}
/** The sequences of the events in the retry queue. */
const redriven = (): number[] => [...server.published.keys()].map((subject) => Number(subject.split('.')[4]));
const shown = (): number[] => printed.json<DeadLetterSummary[]>().map(({ id }) => id);

test.each(['redrive', 'drop'])('%s without a choice is refused before the server is reached', async (command) => {
  await expect(dead(command, '--dry-run')).rejects.toMatchObject({ code: 'JP_USAGE' });
  expect(connects).toBe(0);
});

test('redrive sends the chosen events, and prints their letters', async () => {
  await dead('redrive', '3', '1');
  expect(redriven()).toEqual([1, 3]);
  expect(printed.lines.at(-1)).toBe('2 dead letters redriven');
  expect(server.requests).toEqual(['create stream RETRY', 'create durable badge--award']);
});

test('several filters choose the letters that fit all of them', async () => {
  const [one, two, three] = server.letters as [never, never, never];
  const ranking = { ...storedLetter({ id: 2 }).headers, 'x-plugin': 'ranking' };
  const invalid = { ...storedLetter({ id: 3 }).headers, 'x-dead-letter-reason': 'invalid-json' };
  server.letters = [
    one,
    { ...(two as object), headers: ranking } as never,
    { ...(three as object), headers: invalid } as never,
  ];
  await dead(
    'redrive',
    '--plugin',
    'badge',
    '--reason',
    'attempts-exhausted',
    '--since',
    '2026-05-12T12:00:00Z',
    '--json',
  );
  expect([shown(), redriven()]).toEqual([[1], [1]]);
});

test('filters that fit no letter change nothing', async () => {
  await dead('redrive', '--plugin', 'badge', '--before', '2020-01-01');
  expect(printed.lines).toEqual(['no dead letters', '0 dead letters redriven']);
  expect([redriven(), server.requests]).toEqual([[], []]);
});

test.each(['redrive', 'drop'])('a dry run of %s shows the chosen letters, and sends nothing', async (command) => {
  await dead(command, '--all', '--dry-run');
  expect(printed.lines.at(-1)).toMatch(/^3 dead letters would be (redriven|dropped)$/);
  expect([redriven(), server.requests, server.removed]).toEqual([[], [], []]);
});

test('a letter that is removed while others are redriven is not reported as redriven', async () => {
  server.beforeRead = () => (server.letters = server.letters.filter(({ id }) => id !== 2));
  await dead('redrive', '--all', '--json');
  expect([shown(), redriven()]).toEqual([
    [1, 3],
    [1, 3],
  ]);
});

test('a letter whose event is lost does not keep the others from being redriven', async () => {
  lose(1);
  await expect(dead('redrive', '--all', '--json')).rejects.toMatchObject({ code: 'JP_NOT_FOUND' });
  expect([shown(), redriven()]).toEqual([
    [2, 3],
    [2, 3],
  ]);
});

test('each of several lost events is reported', async () => {
  lose(1, 3);
  const failure = dead('redrive', '--all');
  await expect(failure).rejects.toMatchObject({ errors: [{ code: 'JP_NOT_FOUND' }, { code: 'JP_NOT_FOUND' }] });
  expect(printed.lines.at(-1)).toBe('1 dead letter redriven');
});

test('a refused publish ends the command, which prints what was redriven beside it', async () => {
  server.refuse = (subject) => (subject.includes('.2.') ? apiError(10077, 'maximum bytes exceeded') : undefined);
  await expect(dead('redrive', '--all', '--json')).rejects.toMatchObject({ code: 'JP_STREAM_FULL' });
  expect([shown(), redriven()]).toEqual([
    [1, 3],
    [1, 3],
  ]);
});

test('drop removes the chosen letters', async () => {
  await dead('drop', '2', '3');
  expect(server.removed).toEqual([2, 3]);
  expect(printed.lines.at(-1)).toBe('2 dead letters dropped');
});

test('list shows the letters in a table, or says that there are none', async () => {
  await dead('list');
  expect(printed.lines).toHaveLength(4);
  expect(printed.lines[1]).toMatch(
    /^1 +badge\.award +attempts-exhausted +3 +video\.watch_started EVENTS:1 +2026-05-12T13/,
  );
  jest.restoreAllMocks();
  printed = new Printed();
  await dead('list', '--plugin', 'ranking');
  expect(printed.lines).toEqual(['no dead letters']);
});
