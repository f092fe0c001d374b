import { formatOf } from '../../../host/config/formats';
import type { Leaf } from '../../../host/config/key';
import { leaves, pluginSchema, schema } from '../../../host/config/schema';
import { streamSchema } from '../../../host/config/stream-keys';

const ALL: [string, Leaf][] = [...leaves(schema), ...leaves(pluginSchema), ...leaves(streamSchema)];

describe('the schema', () => {
  test.each(ALL)('%s is documented, and its default is right', (_path, leaf) => {
    expect(leaf.doc).toMatch(/^[A-Z].*\.$/);
    if (leaf.default !== null) expect(formatOf(leaf).accepts(leaf.default)).toBe(true);
  });

  const withVariable = leaves(schema).filter(([, { env }]) => env !== undefined) as [string, Leaf][];

  test.each(withVariable)('%s has the variable that its path makes', (path, { env }) => {
    const words = path.replace('.credentials', '').replace(/[A-Z]/g, '_$&').replaceAll('.', '_').toUpperCase();
    expect(env).toBe(`JETPLUG_${words}`);
  });

  test('only an option that is neither a single value nor a list of values has no variable', () => {
    const without = leaves(schema).filter(([, { env }]) => env === undefined);
    expect(without.map(([path]) => path)).toEqual(['streams', 'plugins.defaults.from']);
  });

  test('only the secrets themselves are marked sensitive', () => {
    const sensitive = ALL.filter(([, leaf]) => leaf.sensitive).map(([path]) => path);
    expect(sensitive).toEqual([
      'nats.credentials.password',
      'nats.credentials.token',
      'http.operatorToken',
      'http.readerToken',
    ]);
  });
});
