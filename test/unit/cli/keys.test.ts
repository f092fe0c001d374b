import { PassThrough } from 'node:stream';
import { readKeys, type Terminal } from '../../../host/cli/keys';

function open(act: (key: string) => Promise<void> = () => Promise.resolve()) {
  const modes: boolean[] = [];
  const input = new PassThrough();
  const terminal = Object.assign(input, { setRawMode: (mode: boolean) => void modes.push(mode) });
  const acted: string[] = [];
  let ends = 0;
  const keys = readKeys(
    terminal as unknown as Terminal,
    (key) => (acted.push(key), act(key)),
    () => ends++,
  );
  return { modes, acted, keys, input, ends: () => ends };
}

async function typed(input: PassThrough, ...texts: string[]): Promise<void> {
  for (const text of texts) {
    input.write(text);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

it('acts on each key that is pressed, and restores the terminal in the end', async () => {
  const { acted, modes, keys, input } = open();
  await typed(input, 'r', 'p');
  expect(acted).toEqual(['r', 'p']);
  keys.stop();
  await typed(input, 'r');
  expect(acted).toEqual(['r', 'p']);
  expect(modes).toEqual([true, false]);
});

it('ignores pasted texts and the sequences of special keys', async () => {
  const { acted, input } = open();
  await typed(input, 'pause', '\u001b[A', '?');
  expect(acted).toEqual(['?']);
});

it('ignores keys while one is at work, except those that end the command', async () => {
  const { acted, input, ends } = open(() => new Promise(() => undefined));
  await typed(input, 'r', 'p', 'q', '\u0003');
  expect(acted).toEqual(['r']);
  expect(ends()).toBe(2);
});
