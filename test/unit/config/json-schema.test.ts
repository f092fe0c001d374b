import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv, { type ValidateFunction } from 'ajv';
import { parse } from 'yaml';
import { configJsonSchema } from '../../../host/config/json-schema';
import { leaves } from '../../../host/config/schema';
import { PROJECT_FILES } from '../../../host/cli/init-files';
import { ROOT } from '../../support/markdown';

const validate: ValidateFunction = new Ajv({ strict: true, allowUnionTypes: true }).compile(configJsonSchema());

test('the default config and the config of a new project are valid', () => {
  const texts = [
    readFileSync(join(ROOT, 'config/default.yaml'), 'utf8'),
    PROJECT_FILES.find(({ file }) => file === 'config/default.yaml')!.text,
  ];
  for (const text of texts) expect(validate(parse(text)) ? [] : validate.errors).toEqual([]);
});

test('every default is valid', () => {
  for (const [path, { default: value }] of leaves()) {
    if (value === null) continue;
    const config = path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
    expect({ path, errors: validate(config) ? [] : validate.errors }).toEqual({ path, errors: [] });
  }
});

test.each([
  ['an unknown key', 'delivery: { ackWiat: 15s }', '/delivery'],
  ['an unknown key of a plugin', 'plugins: { badge: { retries: 3 } }', '/plugins/badge'],
  ['a length of time without a unit', 'delivery: { ackWait: 15 }', '/delivery/ackWait'],
  ['a stream without a name', 'streams: [{ subjects: [a.>] }]', '/streams/0'],
  ['a word that is no choice', 'log: { level: loud }', '/log/level'],
  ['a count of 0', 'plugins: { defaults: { concurrency: 0 } }', '/plugins/defaults/concurrency'],
])('%s is found', (_title, text, place) => {
  expect(validate(parse(text))).toBe(false);
  expect(validate.errors!.map(({ instancePath }) => instancePath)).toContain(place);
});

test('a plugin’s section may have settings of any form', () => {
  expect(validate(parse('plugins: { badge: { from: { since: 7d }, settings: { milestones: [1, 2] } } }'))).toBe(true);
});
