import { isNpmShell } from '../../../host/cli/npm-parent';

test.each([
  ['npx', "'jetplug'", "sh -c 'jetplug' start --json"],
  ['npm start', 'node host/bin.js start', 'sh -c node host/bin.js start'],
  ['a script of several commands', 'npm run build && jetplug start', 'sh -c npm run build && jetplug start'],
  ['a script that redirects', 'jetplug start >log 2>&1', 'sh -c jetplug start >log 2>&1'],
  ['pnpm, which appends arguments', 'jetplug start', '/bin/sh -c jetplug start "--json"'],
])('%s runs the command in its shell', (_, script, command) => {
  expect(isNpmShell(script, command)).toBe(true);
});

test.each([
  ['no npm is an ancestor', undefined, 'sh -c jetplug start'],
  ['a program that npm runs starts the command', 'jest', 'node /app/node_modules/.bin/jest'],
  ['a shell script that npm runs starts the command', './up.sh', '/bin/sh ./up.sh'],
  ['another shell below npm starts the command', 'concurrently "jetplug start"', 'sh -c jetplug start'],
  ['the script leaves the command in the background', 'jetplug start & echo up', 'sh -c jetplug start & echo up'],
  ['the parent has ended', 'jetplug start', undefined],
  ['the script is empty', '', 'sh -c '],
])('the parent is not the shell of npm when %s', (_, script, command) => {
  expect(isNpmShell(script, command)).toBe(false);
});
