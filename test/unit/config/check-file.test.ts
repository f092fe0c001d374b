import { ConfigFolder } from './config-folder';

/** Each entry is a bad config/local.yaml. The snapshot holds its error report, to be read as an operator would read it. */
const BAD: Record<string, string> = {
  // YAML
  'a top level that is a list': '- nats\n- streams\n',
  'a top level that is text': 'just text\n',
  'a key given twice': 'log:\n  level: info\nhttp:\n  listen: off\nlog:\n  level: debug\n',
  'a tab as indentation': 'log:\n\tlevel: info\n',
  'an unclosed bracket': 'nats:\n  servers: [nats://a:4222\n',
  'an unclosed quote': 'log:\n  level: "info\n',
  'no space after a colon': 'log:\n  level:info\n',
  'no space after a colon, in a flow map': 'nats:\n  credentials: { user: u, password:hunter2 }\n',
  'two colons in a line': 'http:\n  listen: host: 8300\n',
  'misaligned keys': 'delivery:\n    ackWait: 15s\n  maxDepth: 64\n',
  'two documents': 'log:\n  level: info\n---\nlog:\n  level: debug\n',
  'an alias to nothing': 'nats:\n  credentials:\n    token: *abc123\n',
  'a tag': 'nats:\n  credentials:\n    token: !abc123\n',
  'a special character first': 'nats:\n  credentials:\n    user: u\n    password: `abc123\n',
  'a key that is a list': 'log:\n  ? [level]\n  : info\n',
  'an alias that holds itself': 'plugins:\n  badge:\n    settings: &a\n      more: *a\n',
  'aliases that multiply': `plugins:\n  badge:\n    settings:\n      a0: &a0 [x, x, x, x, x, x, x, x, x]\n${[
    1, 2, 3, 4, 5, 6,
  ]
    .map(
      (i) =>
        `      a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(', ')}]\n`,
    )
    .join('')}`,
  'nesting without end': `plugins:\n  badge:\n    settings: ${'['.repeat(20_000)}\n`,
  'nesting too deep': `plugins:\n  badge:\n    settings:\n      deep: ${'['.repeat(60)}${']'.repeat(60)}\n`,
  'the key __proto__': '__proto__:\n  admin: true\nplugins:\n  badge:\n    settings:\n      __proto__: { a: 1 }\n',

  // keys
  'a mistyped section': 'delivry:\n  ackWait: 15s\n',
  'a mistyped key': 'delivery:\n  ackWiat: 15s\n',
  'snake case': 'dead_letters:\n  max_age: 30d\n',
  'a key of another section': 'ackWait: 15s\nlevel: debug\nmaxAge: 1d\n',
  'a key that nothing resembles': 'colour: blue\n',
  'a mistyped plugins.defaults': 'plugins:\n  defauls:\n    timeout: 30s\n',
  'a mistyped key of a plugin': 'plugins:\n  badge:\n    concurency: 4\n',
  'handler options right under plugins': 'plugins:\n  timeout: 30s\n  retry:\n    attempts: 3\n  dir: plugins\n',
  'a plugin by its class': 'plugins:\n  UserPreferencesPlugin:\n    enabled: false\n',
  'a plugin switched off in short': 'plugins:\n  badge: false\n',
  'a plugin whose section is text': 'plugins:\n  badge: fast\n',
  'a key that every object has': 'constructor: 1\nlog:\n  toString: x\n',
  'a merge key': 'delivery:\n  <<: { ackWait: 15s }\n',

  // values
  'text where a map belongs': 'nats: nats://127.0.0.1:4222\n',
  'a length of time without a unit': 'delivery:\n  ackWait: 15\n',
  'a length of time as no one writes it': 'shutdown:\n  grace: soon\n',
  'a length of time that is too long for a timer': 'plugins:\n  defaults:\n    timeout: 30d\n',
  'no time at all': 'plugins:\n  startTimeout: 0s\n',
  'polling more often than the host does': 'plugins:\n  poll: 10ms\n',
  'a size in no known unit': 'delivery:\n  maxPayload: 512 bits\n',
  'a negative size': 'delivery:\n  maxPayload: -1\n',
  'a fraction of a byte': 'delivery:\n  maxPayload: 0.5\n',
  'a bound of the buffered bytes without its unit': 'delivery:\n  maxBufferedBytes: 1\n',
  'a payload above the default bound of the buffered bytes': 'delivery:\n  maxPayload: 300 MiB\n',
  'a limit of 0 calls': 'delivery:\n  maxConcurrent: 0\n',
  'calls without a limit': 'delivery:\n  maxConcurrent: unlimited\n',
  'a number in quotes': 'delivery:\n  maxDepth: "64"\n',
  'a number out of range': 'nats:\n  embedded:\n    port: 70000\n',
  'a fraction': 'plugins:\n  defaults:\n    concurrency: 1.5\n',
  'a number where text belongs': 'nats:\n  embedded:\n    data: 2024\n',
  'yes for true': 'plugins:\n  watch: yes\n',
  'no attempts': 'plugins:\n  defaults:\n    retry:\n      attempts: 0\n',
  'an empty backoff': 'plugins:\n  badge:\n    retry:\n      backoff: []\n',
  'a wrong wait in a backoff': 'plugins:\n  badge:\n    retry:\n      backoff: [1s, 5]\n',
  'text where a list belongs': 'plugins:\n  dirs: plugins\n',
  'no folders': 'plugins:\n  dirs: []\n',
  'a key with no value': 'plugins:\n  dirs:\n  watch:\n',
  'an unknown level': 'log:\n  level: verbose\n',
  'an address without a host': 'http:\n  listen: 8300\n',
  'an address without a port': 'http:\n  listen: localhost\n',
  'an address with a port out of range': 'http:\n  listen: localhost:83000\n',
  'an unknown start': 'plugins:\n  defaults:\n    from: now\n',
  'two starts': 'plugins:\n  defaults:\n    from: { since: 7d, sequence: 1 }\n',
  'a start without a unit': 'plugins:\n  defaults:\n    from:\n      since: 7\n',
  'a sync interval in days': 'nats:\n  embedded:\n    syncInterval: 1d\n',
  'a server with a password': 'nats:\n  servers:\n    - nats://a:4222\n    - nats://jetplug:hunter2@b:4222\n',
  'a server of another scheme': 'nats:\n  servers: ["http://a:4222"]\n',
  'settings that are no map': 'plugins:\n  badge:\n    settings: [1, 10, 100]\n',
  'a password that is a number': 'nats:\n  credentials:\n    user: jetplug\n    password: 70071234\n',

  'lengths of time in words':
    'delivery:\n  ackWait: 15 seconds\n  circuit: { over: 1h30m }\ndeadLetters: { maxAge: 2 weeks }\nshutdown: { grace: 1 fortnight }\n',
  'a length of time in words that is too long': 'delivery:\n  ackWait: 8 weeks\n',
  'a number that is too large in seconds': 'delivery:\n  ackWait: 86400000\n',
  'sizes with other units':
    'delivery: { maxPayload: 512k }\nstore: { maxBytes: 10G }\nretries: { maxBytes: 512 bytes }\n',
  'a limit that is none': 'store:\n  maxBytes: 0\n',
  'a choice in other letters': 'log:\n  level: WARNING\nplugins:\n  defaults: { isolation: Proc }\n',
  'a comment without a space': 'log:\n  level: info#quiet\n',
  'a list with commas only': 'nats:\n  servers: nats://a:4222, nats://b:4222\n',
  'variables in a file':
    'nats:\n  servers: ["${NATS_URL}"]\nstreams:\n  - { name: $STREAM, subjects: [a.>] }\ndelivery: { maxDepth: "$DEPTH" }\n',
  'a server with a path': 'nats:\n  servers: ["nats://a:4222/cluster"]\n',
  'a host name with a port': 'http:\n  allowedHosts: ["jetplug.example.com:443"]\n',
  'a token that is too short': 'http:\n  operatorToken: hunter2\n',
  'a token in two places': 'http:\n  operatorToken: hunter2hunter2hunter2\n  operatorTokenFile: config/local.yaml\n',
  'a share above 1': 'tracing:\n  sample: 50\n',
  'a share that YAML 1.1 reads as false': 'tracing:\n  sample: false\n',
  'a domain and a prefix': 'nats:\n  domain: hub\n  apiPrefix: JS.ops.API\n',
  'an inbox prefix with a wildcard': 'nats:\n  inboxPrefix: _INBOX.jetplug.>\n',
  'a deployment’s name with a space': 'deploy:\n  name: my shop\n',
  'a Windows path in double quotes': 'nats:\n  embedded:\n    data: "C:\\jetplug"\n',

  // files
  'a byte-order mark': '\uFEFFlog:\n  level: loud\n',
  'lines that end as on Windows': 'log:\r\n  level: loud\r\nhttp:\r\n  listen: 8300\r\n',
  'a file of more than 1 MiB': `# ${'x'.repeat(1024 ** 2)}\n`,
  'more values than any config has': `plugins:\n  badge:\n    settings:\n      list: [${'x, '.repeat(20_001)}]\n`,

  // streams
  'no streams': 'streams:\n',
  'a subject that begins with *, without quotes': 'streams:\n  - name: EVENTS\n    subjects: [*.watched]\n',
  'a subject as text': 'streams:\n  - name: EVENTS\n    subjects: video.>\n',
  'settings of NATS in a stream':
    'streams:\n  - { name: EVENTS, subjects: [a.>], max_age: 7d, retention: limits, num_replicas: 3 }\n',
  'streams as a map': 'streams:\n  EVENTS:\n    subjects: [video.>]\n',
  'a stream that is text': 'streams:\n  - EVENTS\n',
  'a stream without a name or subjects': 'streams:\n  - maxAge: 7d\n',
  'a stream that has no subjects in any layer': 'streams:\n  - name: EVENTS\n    maxAge: 7d\n',
  'a mistyped name of a stream': 'streams:\n  - name: EVENTS\n    subjects: [a.>]\n  - name: EVNTS\n    maxAge: 1d\n',
  'a mistyped key of a stream': 'streams:\n  - name: EVENTS\n    subject: [video.>]\n',
  'a stream name with a dot': 'streams:\n  - name: my.events\n    subjects: [video.>]\n',
  'a subject that cannot be subscribed to':
    'streams:\n  - name: EVENTS\n    subjects:\n      - video.>\n      - video.>.late\n      - "a b"\n      - ""\n',
  'an unknown storage and too many replicas':
    'streams:\n  - { name: E, subjects: [a.>], storage: disk, replicas: 7 }\n',
  'two streams of one name': 'streams:\n  - name: E\n    subjects: [a.>]\n  - name: E\n    subjects: [b.>]\n',
  'overlapping subjects':
    'streams:\n  - name: A\n    subjects: [video.>]\n  - name: B\n    subjects:\n      - user.>\n      - "*.watched"\n',
  'overlapping subjects of one stream': 'streams:\n  - name: A\n    subjects: [video.*, video.watched]\n',
  everything: 'streams:\n  - name: A\n    subjects: [">"]\n',
  'the subjects of the dead letters': 'streams:\n  - name: A\n    subjects: [dead.badge.>]\n',
  'the subjects of the retry queue': 'streams:\n  - name: A\n    subjects: [retry.>]\n',
  'the subjects of the host’s own records': 'streams:\n  - name: A\n    subjects: [jetplug.audit, jetplug.runs.>]\n',
  'the subjects of the server': 'streams:\n  - name: A\n    subjects: [$JS.API.>, $SRV.PING, _INBOX.a]\n',
  'the stream of the dead letters': 'streams:\n  - name: DEAD\n    subjects: [a.>]\n',
  'streams of the host’s own':
    'streams:\n  - name: RUNS\n    subjects: [a.>]\n  - name: KV_jetplug-badge\n    subjects: [b.>]\ndeadLetters:\n  stream: RETRY\n',
  'the dead letters in a stream of events':
    'streams:\n  - name: EVENTS\n    subjects: [a.>]\ndeadLetters:\n  stream: EVENTS\n',
  'a duplicate window longer than the stream':
    'streams:\n  - name: A\n    subjects: [a.>]\n    maxAge: 1h\n    duplicateWindow: 2h\n',
  'a stream shorter than the default duplicate window': 'streams:\n  - name: A\n    subjects: [a.>]\n    maxAge: 1m\n',

  // credentials and TLS
  'two ways to authenticate': 'nats:\n  credentials:\n    user: jetplug\n    password: hunter2\n    token: hunter3\n',
  'a password and its file':
    'nats:\n  credentials:\n    user: jetplug\n    password: hunter2\n    passwordFile: config/local.yaml\n',
  'a user without a password': 'nats:\n  credentials:\n    user: jetplug\n',
  'a password without a user': 'nats:\n  credentials:\n    password: hunter2\n',
  'a secret file that is missing': 'nats:\n  credentials:\n    tokenFile: secrets/token\n',
  'a secret file that is a folder': 'nats:\n  credentials:\n    credsFile: config\n',
  'a certificate without its key': 'nats:\n  tls:\n    certFile: config/local.yaml\n',

  // all at once
  'many problems': 'log:\n  level: loud\nhttp:\n  listen: nowhere\ndelivery:\n  ackWait: 1\n  colour: blue\n',
};

describe('a bad config file is refused at its line, with a hint:', () => {
  let folder: ConfigFolder;
  beforeEach(() => (folder = new ConfigFolder()));
  afterEach(() => folder.remove());

  test.each(Object.entries(BAD))('%s', (_name, yaml) => {
    folder.write('config/local.yaml', yaml);
    const problems = folder.problems();
    expect(folder.report()).toMatchSnapshot();
    expect(problems).not.toEqual([]);
    for (const { code, file, line, hint } of problems) {
      expect(code).toMatch(/^JP_CONFIG_/);
      expect(file).toBe(`${folder.dir}/config/local.yaml`);
      expect(line).toBeGreaterThan(0);
      expect(hint).not.toBe('');
    }
  });

  test.each([
    ['delivery: { ackWait: 15 }', '15'],
    ['delivery: { ackWait: 15 seconds }', '15 seconds'],
    ['deadLetters: { maxAge: 1w }', '1w'],
    ['delivery: { maxPayload: 512k }', '512k'],
    ['store: { maxBytes: 2GBytes }', '2GBytes'],
    ['log: { level: Warning }', 'Warning'],
    ['plugins: { watch: yes }', 'yes'],
    ['http: { listen: 8300 }', '8300'],
    ['delivery: { ackWiat: 15s }', 'ackWiat'],
  ])('the hint for %s names what is then accepted', (yaml, fault) => {
    folder.write('config/local.yaml', yaml);
    const [, meant] = /^Write (?:its unit, like |the host too: )?(.+?)(?: or .*)?\.$/.exec(folder.problems()[0]!.hint)!;
    folder.write('config/local.yaml', yaml.replace(fault, meant!));
    expect(folder.problems()).toEqual([]);
  });

  test.each(['512 KiB', '524288', 'unlimited'])('buffered bytes of %s hold the largest payload', (bound) => {
    folder.write('config/local.yaml', `delivery: { maxBufferedBytes: ${bound} }\n`);
    expect(folder.problems()).toEqual([]);
    folder.write('config/local.yaml', 'delivery: { maxBufferedBytes: 1 KiB, maxPayload: 1 KiB }\n');
    expect(folder.problems()).toEqual([]);
  });

  test('each of several files is named with its own problems', () => {
    folder.write('config/default.yaml', 'log:\n  level: loud\n');
    folder.write('config/local.yaml', 'http: []\n');
    folder.write('more.yaml', '- x\n');
    folder.write('broken.yaml', 'a: [\n');
    expect(folder.report({ files: ['more.yaml', 'broken.yaml', 'missing.yaml'] })).toMatchSnapshot();
  });

  test('a file that is not text, and a path that is not a file, are refused', () => {
    folder.write('config/local.yaml', Uint8Array.of(0x61, 0x3a, 0x20, 0xff, 0xfe));
    expect(folder.report({ files: ['config'] })).toMatchSnapshot();
  });
});
