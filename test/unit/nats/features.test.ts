import { compareVersions, Features } from '../../../host/nats/features';

test.each([
  ['2.9.10', '2.10.0', -1],
  ['2.10.0', '2.9.25', 1],
  ['2.10.4', '2.10.4', 0],
  ['2.10', '2.10.0', 0],
  ['v2.10.4', '2.10.4', 0],
  ['2.12.0-RC.1', '2.12.0', 0],
  ['2.14.0', '2.2.20', 1],
  ['10.0.0', '9.99.99', 1],
  ['', '0.0.1', -1],
  ['dev', '2.10.0', -1],
])('version %s against %s: %d', (a, b, sign) => {
  expect(Math.sign(compareVersions(a, b))).toBe(sign);
  expect(Math.sign(compareVersions(b, a))).toBe(0 - sign);
});

test('a server has a feature from the version on that brought it', () => {
  expect(['2.9.10', '2.10.3', '2.10.4', '2.15.2'].map((version) => new Features(version).has('termReason'))).toEqual([
    false,
    false,
    true,
    true,
  ]);
});

test('what a server lacks is said by name, with the version that has it', () => {
  expect(new Features('2.15.2').missing()).toEqual([]);
  expect(new Features('2.10.0').missing()).toEqual([
    'a reason with term needs nats-server 2.10.4; 2.10.0 goes without',
  ]);
  for (const line of new Features('2.9.10').missing())
    expect(line).toMatch(/^.+ needs nats-server \d+\.\d+\.\d+; 2\.9\.10 goes without$/);
});
