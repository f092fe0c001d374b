import path from 'node:path';
import { ConfigFolder } from './config-folder';

describe('the source of a value', () => {
  let folder: ConfigFolder;
  beforeEach(() => (folder = new ConfigFolder()));
  afterEach(() => folder.remove());

  test('is its default, a file and line, a variable or a flag', () => {
    folder.write('config/default.yaml', 'delivery:\n  ackWait: 15s\n  maxDepth: 10\nlog:\n  level: warn\n');
    folder.write('config/local.yaml', '\ndelivery:\n  maxDepth: 11\nhttp: { listen: "local:1" }\n');
    const { sourceOf } = folder.load({ env: { JETPLUG_LOG_LEVEL: 'debug' }, flags: { http: 'flag:1' } });
    const file = (name: string, line: number) => ({ layer: 'file', file: path.join(folder.dir, 'config', name), line });

    expect(sourceOf('shutdown.grace')).toEqual({ layer: 'default' });
    expect(sourceOf('delivery.ackWait')).toEqual(file('default.yaml', 2));
    expect(sourceOf('delivery.maxDepth')).toEqual(file('local.yaml', 3));
    expect(sourceOf('log.level')).toEqual({ layer: 'variable', name: 'JETPLUG_LOG_LEVEL' });
    expect(sourceOf('http.listen')).toEqual({ layer: 'flag', name: '--http' });
  });

  test('is known for values in streams and plugins’ sections', () => {
    folder.write('config/default.yaml', 'streams:\n  - name: A\n    subjects:\n      - a.>\n    maxAge: 1d\n');
    folder.write(
      'config/local.yaml',
      'plugins:\n  badge:\n    timeout: 1s\n    settings:\n      deep:\n        key: 1\nstreams:\n  - name: B\n    subjects: [b.>]\n',
    );
    const { sourceOf } = folder.load();
    const line = (at: string) => (sourceOf(at) as { line?: number }).line;
    expect(line('plugins.badge.timeout')).toBe(3);
    expect(line('plugins.badge.settings.deep.key')).toBe(6);
    expect(line('streams')).toBe(7);
    expect(line('streams[0].subjects[0]')).toBe(9);
    // The list was replaced, so the older list has no sources any more.
    expect(sourceOf('streams[0].maxAge')).toEqual({ layer: 'default' });
  });
});
