import { Command } from 'commander';
import { blameCommand } from '../../../host/cli/blame';
import { storeCommand } from '../../../host/cli/store';
import { readAt } from '../../../host/cli/store-past';

async function run(...args: string[]): Promise<void> {
  const program = new Command().exitOverride();
  storeCommand(program);
  blameCommand(program);
  // No server answers there, so a command that is not refused before fails with another code.
  await program.parseAsync([...args, '--servers', 'nats://127.0.0.1:1'], { from: 'user' });
}

test.each([
  [['blame', 'badge', 'u1', '--limit', 'many'], '--limit takes a number from 1, or all; got "many"'],
  [['blame', 'badge', 'u1', '--limit', '0'], '--limit takes a number from 1, or all; got "0"'],
  [['store', 'badge', '--at', '2026-13-45'], '"2026-13-45" is neither an ISO time nor a duration'],
  [['store', 'badge', '--at', '2026-05-12T25:00:00Z'], 'is neither an ISO time nor a duration'],
  [['store', 'badge', '--at', ' '], '--at takes a time or an event, and got an empty text'],
  [['store', 'badge', 'u1', '--at', '1m', '--delete'], 'an earlier value cannot be changed: give --at alone'],
])('%j is refused before the server is reached', async (args, message) => {
  await expect(run(...args)).rejects.toMatchObject({ code: 'JP_USAGE', message: expect.stringContaining(message) });
});

describe('readAt', () => {
  beforeEach(() => jest.useFakeTimers({ now: Date.parse('2026-05-12T12:00:00Z') }));
  afterEach(() => jest.useRealTimers());

  it.each([
    ['5m', '2026-05-12T11:55:00Z'],
    ['2026-05-12T11:00:00.5Z', '2026-05-12T11:00:00.5Z'],
    ['2026-05-12', '2026-05-12T00:00:00Z'],
  ])('takes %j as a time', (text, time) => expect(readAt(text)).toEqual({ timeMs: Date.parse(time) }));

  it.each([
    ['e1', { id: 'e1' }],
    ['5', { id: '5' }],
    ['01890a5d-ac96-774b-bcce-b302099a8057', { id: '01890a5d-ac96-774b-bcce-b302099a8057' }],
    ['EVENTS:12', { id: 'EVENTS:12', stream: 'EVENTS', sequence: 12 }],
  ])('takes %j as an event', (text, event) => expect(readAt(text)).toEqual({ text, event }));
});
