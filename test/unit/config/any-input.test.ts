import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { leaves, pluginSchema } from '../../../host/config/schema';
import { streamSchema } from '../../../host/config/stream-keys';
import { ConfigFolder } from './config-folder';

const DEFAULT_TEXT = readFileSync(path.resolve(__dirname, '../../../config/default.yaml'), 'utf8');

/** Values that keys may and may not take, and that YAML, JavaScript or convict treat in ways of their own. */
const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    '30s',
    '7d',
    '1 GiB',
    'new',
    'off',
    'file',
    'a.>',
    '>',
    '',
    ' ',
    '\0',
    null,
    true,
    0,
    -1,
    1.5,
    4222,
    [],
  ),
  fc.constantFrom<unknown>(['plugins'], ['nats://a:4222'], ['a.>', 'b.*'], { since: '1d' }, { sequence: 1 }, {}),
  fc.string(),
  fc.double(),
  fc.jsonValue({ maxDepth: 3 }),
);
const key = fc.constantFrom(
  ...leaves().flatMap(([at]) => at.split('.')),
  ...leaves(pluginSchema).flatMap(([at]) => at.split('.')),
  ...Object.keys(streamSchema),
  ...[
    'badge',
    'user-preferences',
    'Badge',
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    '_cvtProperties',
    'a.b',
    '',
    '<<',
    '1',
  ],
);
const knownPath = fc.constantFrom(
  ...leaves().map(([at]) => at.split('.')),
  ...leaves(pluginSchema).map(([at]) => ['plugins', 'badge', ...at.split('.')]),
);
const stream = fc.dictionary(fc.constantFrom(...Object.keys(streamSchema)), value, { maxKeys: 7 });
const anyMap = fc.letrec((tie) => ({
  map: fc.dictionary(key, fc.oneof({ depthSize: 'small' }, value, tie('map')), { maxKeys: 4 }),
})).map;

/** Config files from nearly valid ones to arbitrary text. */
const document: fc.Arbitrary<string> = fc.oneof(
  fc.tuple(knownPath, value).map(([keys, leaf]) => stringify(nested(keys, leaf))),
  fc.array(stream, { maxLength: 3 }).map((streams) => stringify({ streams })),
  anyMap.map((map) => stringify(map)),
  fc.tuple(fc.nat(DEFAULT_TEXT.length), fc.nat(40), fc.string({ maxLength: 8 })).map(([at, length, text]) => {
    return DEFAULT_TEXT.slice(0, at) + text + DEFAULT_TEXT.slice(at + length);
  }),
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom(
        'nats',
        ':',
        ' ',
        '\n',
        '- ',
        '[',
        ']',
        '{',
        '}',
        '&a ',
        '*a',
        '!',
        '"',
        "'",
        '|',
        '>',
        '#',
        '?',
        '%',
        '@',
        '---',
      ),
      { maxLength: 30 },
    )
    .map((parts) => parts.join('')),
);

const environment = fc.dictionary(
  fc.constantFrom(...leaves().flatMap(([, { env }]) => env ?? []), 'NODE_ENV', 'JETPLUG_OTHER', 'JETPLUG_HTTP_LISTN'),
  fc.oneof(fc.string(), fc.constantFrom('30s', '1', 'true', 'a,b', '127.0.0.1:1', 'nats://a:1', ',', '__proto__')),
  { maxKeys: 4 },
);

describe('arbitrary input', () => {
  let folder: ConfigFolder;
  beforeEach(() => (folder = new ConfigFolder()));
  afterEach(() => folder.remove());

  /** Rethrows any error that is not an AggregateError of JetplugErrors. */
  function problemsAreCoded(given: Parameters<ConfigFolder['problems']>[0] = {}): void {
    for (const problem of folder.problems(given)) {
      expect(['JP_CONFIG_UNREADABLE', 'JP_CONFIG_UNKNOWN_KEY', 'JP_CONFIG_INVALID', 'JP_NUMBER_INEXACT']).toContain(
        problem.code,
      );
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  }

  test('in a file loads, or ends in coded problems', () => {
    fc.assert(
      fc.property(document, (yaml) => {
        folder.write('config/local.yaml', yaml);
        problemsAreCoded();
      }),
      { numRuns: 400 },
    );
  });

  test('that has a toString which is no function ends in coded problems, at every key', () => {
    for (const [at] of leaves()) {
      for (const hostile of [{ toString: null }, [{ toString: null }]]) {
        const nested = at.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), hostile);
        folder.write('config/local.yaml', stringify(nested));
        expect(folder.problems().map(({ code }) => code)).toEqual(
          expect.arrayContaining([expect.stringMatching(/^JP_CONFIG_/)]),
        );
      }
    }
  });

  test('in two files loads, or ends in coded problems', () => {
    fc.assert(
      fc.property(document, document, (one, other) => {
        folder.write('config/default.yaml', one);
        folder.write('config/local.yaml', other);
        problemsAreCoded();
      }),
      { numRuns: 150 },
    );
  });

  test('as bytes loads, or ends in coded problems', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        folder.write('config/local.yaml', bytes);
        problemsAreCoded();
      }),
    );
  });

  test('in variables loads, or ends in coded problems', () => {
    fc.assert(
      fc.property(environment, (env) => problemsAreCoded({ env })),
      { numRuns: 200 },
    );
  });
});

function nested(keys: readonly string[], leaf: unknown): unknown {
  return keys.reduceRight<unknown>((below, name) => ({ [name]: below }), leaf);
}
