import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { leaves, pluginSchema, schema } from '../../../host/config/schema';
import { streamSchema } from '../../../host/config/stream-keys';
import { ConfigFolder } from './config-folder';

const DEFAULT_FILE = path.resolve(__dirname, '../../../config/default.yaml');
const TEXT = readFileSync(DEFAULT_FILE, 'utf8');

describe('config/default.yaml', () => {
  let folder: ConfigFolder;
  beforeEach(() => (folder = new ConfigFolder()));
  afterEach(() => folder.remove());

  test('contains the built-in defaults, and one stream with the defaults of a stream', () => {
    const { config: builtIn } = folder.load();
    folder.write('config/default.yaml', TEXT);
    const { config } = folder.load();
    const [stream] = config.streams;
    folder.write('config/default.yaml', `streams: [${JSON.stringify({ name: 'EVENTS', subjects: stream!.subjects })}]`);
    expect(config).toEqual({ ...builtIn, streams: folder.load().config.streams });
  });

  test('shows every key of the schema', () => {
    const shown = parse(uncommented(TEXT)) as Record<string, unknown>;
    for (const [key] of leaves(schema)) expect(shown).toHaveProperty(key);
    for (const [key] of leaves(pluginSchema)) expect(shown).toHaveProperty(`plugins.badge.${key}`);
    for (const [key] of leaves(streamSchema)) expect(shown).toHaveProperty(`streams[0].${key}`);
  });

  test('shows every variable, and its commented keys are valid when their # is removed', () => {
    for (const variable of leaves().flatMap(([, { env }]) => env ?? [])) {
      const [start] = /^JETPLUG_PLUGINS_DEFAULTS_/.exec(variable) ?? [];
      expect(TEXT).toContain(start ?? variable.replace(/^JETPLUG_NATS_TLS_KEY/, '_KEY'));
    }
    // Some keys exclude each other: there is one way to authenticate, a domain is a prefix of the API, and a token is a
    // text or in a file.
    const together = uncommented(TEXT)
      .replace(/credentials:\n(?: {4}.*\n)+/, '')
      .replace(/^ {2}\w+TokenFile:.*$/gm, '');
    folder.write('config/local.yaml', together.replace(/^ {2}domain:.*$/m, ''));
    const missingFiles = folder.problems().filter(({ message }) => !message.startsWith('nats.tls.'));
    expect(missingFiles).toEqual([]);
  });
});

/** Keys stand right behind their #, or are indented there by two spaces or more; prose has one. */
function uncommented(text: string): string {
  return text.replace(/^( *)#((?: {2,})?\w+:)/gm, '$1$2');
}
