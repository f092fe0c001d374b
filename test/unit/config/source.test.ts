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
    expect(line('streams[A].subjects[0]')).toBe(4);
    expect(line('streams[B].subjects[0]')).toBe(9);
  });

  test('of a stream in several layers is that of the layer that sets the key', () => {
    folder.write(
      'config/default.yaml',
      'streams:\n  - name: A\n    subjects:\n      - a.>\n      - b.>\n    maxAge: 1d\n  - { name: B, subjects: [c.>] }\n',
    );
    folder.write(
      'config/local.yaml',
      'streams:\n  - { name: B, maxAge: 2d }\n  - name: A\n    subjects: [d.>]\n    replicas: 3\n',
    );
    const { sourceOf } = folder.load();
    const place = (at: string) => {
      const source = sourceOf(at);
      return source.layer === 'file' ? `${path.basename(source.file)}:${source.line}` : source.layer;
    };
    expect(place('streams[A]')).toBe('local.yaml:3');
    expect(place('streams[A].subjects[0]')).toBe('local.yaml:4');
    // A list is replaced as a whole.
    expect(place('streams[A].subjects[1]')).toBe('default');
    expect(place('streams[A].maxAge')).toBe('default.yaml:6');
    expect(place('streams[A].replicas')).toBe('local.yaml:5');
    expect(place('streams[B].subjects[0]')).toBe('default.yaml:7');
    expect(place('streams[B].maxAge')).toBe('local.yaml:2');
    expect(place('streams[B].storage')).toBe('default');
  });
});
