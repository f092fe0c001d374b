import { connect } from 'node:net';
import { servePageAt, type TestPage } from '../../support/page';
import { eventually } from '../../support/eventually';

const OPERATOR = 'operator-token-0123456789';
const READER = 'reader-token-0123456789';
const TOKENS = { JETPLUG_HTTP_OPERATOR_TOKEN: OPERATOR, JETPLUG_HTTP_READER_TOKEN: READER };
const JSON_BODY = { 'content-type': 'application/json' };
const PAUSE = '/api/plugins/badge/pause';
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

let page: TestPage;
const open = async (env: Readonly<Record<string, string>> = {}): Promise<void> => {
  page = await servePageAt(env);
};
afterEach(() => page.close());

describe('on loopback without tokens', () => {
  beforeEach(() => open());

  test('everybody who reaches the page is an operator', async () => {
    const { status, json } = await page.send('GET', '/api/session');
    expect({ status, json }).toMatchObject({ status: 200, json: { role: 'operator', hasToken: false } });
    expect((await page.send('GET', '/readyz')).json).toEqual({ status: 'not ready', reasons: ['a private reason'] });
    expect((await page.send('GET', '/metrics')).text).toContain('jetplug_handled_total');
  });

  test.each(['evil.example', 'evil.example:8300', 'localhost.evil.example', '127.0.0.1.evil.example', '[::1].evil'])(
    'a request with the Host %j is refused, as DNS rebinding sends it',
    async (host) => {
      for (const path of ['/', '/api/session', '/metrics']) {
        const { status, json } = await page.send('GET', path, { host });
        expect({ status, code: json['code'] }).toEqual({ status: 403, code: 'JP_HTTP_FOREIGN' });
      }
      expect((await page.send('GET', '/livez', { host })).status).toBe(200);
    },
  );

  test.each(['localhost', 'localhost:9999', '127.0.0.1', '[::1]:8300'])(
    'a request with the Host %s is answered',
    async (host) => {
      expect((await page.send('GET', '/api/session', { host })).status).toBe(200);
    },
  );

  test.each([
    ['another Origin', { origin: 'https://evil.example' }],
    ['the Origin of a sandbox', { origin: 'null' }],
    ['the mark of another site', { 'sec-fetch-site': 'cross-site' }],
    ['the mark of another port of this machine', { 'sec-fetch-site': 'same-site' }],
  ])('a change with %s is refused', async (_name, headers) => {
    const { status, json } = await page.send('POST', PAUSE, { ...JSON_BODY, ...headers }, '{}');
    expect({ status, code: json['code'] }).toEqual({ status: 403, code: 'JP_HTTP_FOREIGN' });
    expect((await page.send('GET', '/api/live', headers)).status).toBe(403);
  });

  test.each([undefined, 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    'a change with the content type %s, which a form of another site can send, is refused',
    async (type) => {
      const { status, json } = await page.send('POST', PAUSE, type === undefined ? {} : { 'content-type': type }, '{}');
      expect({ status, code: json['code'] }).toEqual({ status: 400, code: 'JP_USAGE' });
    },
  );

  test('a link of another site leads to the page', async () => {
    const { status, text } = await page.send('GET', '/', { 'sec-fetch-site': 'cross-site' });
    expect(status).toBe(200);
    expect(text).toContain('Jetplug');
  });

  test('a body over 1 MiB is refused', async () => {
    const { status, json } = await page.send('POST', PAUSE, JSON_BODY, JSON.stringify('x'.repeat(1024 * 1024)));
    expect({ status, code: json['code'] }).toEqual({ status: 413, code: 'JP_HTTP_TOO_LARGE' });
  });

  test.each(['{"__proto__":{"a":1}}', '{"constructor":{"prototype":1}}', '{', ''])(
    'the body %j is refused or empty',
    async (body) => {
      // The broker is away, so an accepted body ends there.
      expect((await page.send('POST', PAUSE, JSON_BODY, body)).status).toBe(body === '' ? 503 : 400);
    },
  );

  test.each([
    '/../package.json',
    '/%2e%2e/package.json',
    '/..%2fpackage.json',
    '/assets/../../package.json',
    '//etc/passwd',
    '/%00',
    '/page.js.map',
  ])('the path %s leads to no file', async (path) => {
    const { status, text } = await page.send('GET', path);
    expect([400, 404]).toContain(status);
    expect(text).not.toContain('jetplug/sdk');
  });

  test('each answer has the headers that keep a browser from foreign content', async () => {
    for (const path of ['/', '/api/session', '/nowhere', '/livez']) {
      expect((await page.send('GET', path)).headers).toMatchObject({
        'content-security-policy': expect.stringMatching(
          /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'$/,
        ),
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      });
    }
    const { headers } = await page.send('GET', '/api/session');
    expect(headers['cache-control']).toBe('no-store');
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  test('of 1,000 pages that open at once, 50 get the live feed and the others get 503', async () => {
    const { port } = new URL(page.url);
    const sockets = Array.from({ length: 1_000 }, () => connect(Number(port), '127.0.0.1'));
    const answers = new Map<string, number>();
    for (const socket of sockets) {
      socket.on('error', () => answers.set('closed', (answers.get('closed') ?? 0) + 1));
      socket.once('data', (data) => {
        const [line = ''] = data.toString().split('\r\n');
        answers.set(line, (answers.get(line) ?? 0) + 1);
      });
      socket.write('GET /api/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    }
    try {
      await eventually(() => [...answers.values()].reduce((sum, count) => sum + count, 0) === sockets.length);
      expect(answers.get('HTTP/1.1 200 OK')).toBe(50);
      expect(answers.get('HTTP/1.1 503 Service Unavailable')).toBeGreaterThan(0);
    } finally {
      sockets.forEach((socket) => socket.destroy());
    }
    await eventually(async () => (await page.send('GET', '/livez')).status === 200);
  });
});

describe('with tokens', () => {
  beforeEach(() => open(TOKENS));

  test('a request without a token is refused, also on loopback', async () => {
    for (const path of ['/api/session', '/api/overview', '/api/live', '/metrics', '/nowhere']) {
      const { status, json } = await page.send('GET', path);
      expect({ status, json }).toMatchObject({ status: 401, json: { code: 'JP_HTTP_TOKEN', needsToken: true } });
    }
    expect((await page.send('GET', '/readyz')).json).toEqual({ status: 'not ready' });
    expect((await page.send('GET', '/')).status).toBe(200);
  });

  test.each(['wrong-token-0123456789', OPERATOR.slice(0, -1), `${OPERATOR}x`, OPERATOR.toUpperCase()])(
    'the wrong token %s is refused',
    async (token) => {
      expect(await page.send('GET', '/api/session', bearer(token))).toMatchObject({ status: 401 });
    },
  );

  test('each token has its role, as Bearer', async () => {
    expect((await page.send('GET', '/api/session', bearer(OPERATOR))).json).toMatchObject({
      role: 'operator',
      name: 'operator',
    });
    expect((await page.send('GET', '/api/session', bearer(READER))).json).toMatchObject({
      role: 'reader',
      hasToken: true,
    });
    expect((await page.send('GET', '/metrics', bearer(READER))).status).toBe(200);
    expect((await page.send('GET', '/readyz', bearer(READER))).json).toHaveProperty('reasons');
  });

  test('a reader cannot change anything', async () => {
    const { status, json } = await page.send('POST', PAUSE, { ...JSON_BODY, ...bearer(READER) }, '{}');
    expect({ status, code: json['code'] }).toEqual({ status: 403, code: 'JP_HTTP_ROLE' });
    // The broker is away, so the operator's change passes the guard and ends there.
    expect((await page.send('POST', PAUSE, { ...JSON_BODY, ...bearer(OPERATOR) }, '{}')).status).toBe(503);
  });

  test('a browser signs in with a cookie that scripts and other sites cannot use, and out again', async () => {
    const signedIn = await page.send('POST', '/api/session', JSON_BODY, JSON.stringify({ token: READER }));
    expect(signedIn).toMatchObject({ status: 200, json: { role: 'reader' } });
    const [cookie = ''] = signedIn.headers['set-cookie'] as string[];
    expect(cookie).toBe(`jetplug_token=${READER}; Path=/; HttpOnly; SameSite=Strict`);
    const headers = { cookie: `other=1; ${cookie.split(';')[0]}` };
    expect((await page.send('GET', '/api/session', headers)).json).toMatchObject({ role: 'reader' });
    const out = await page.send('DELETE', '/api/session', headers);
    expect(out.status).toBe(204);
    expect(String(out.headers['set-cookie'])).toMatch(/^jetplug_token=; .*Max-Age=0$/);
  });

  test('the cookie is Secure behind https', async () => {
    const headers = { ...JSON_BODY, host: 'localhost', origin: 'https://localhost' };
    const { headers: answer } = await page.send('POST', '/api/session', headers, JSON.stringify({ token: READER }));
    expect(String(answer['set-cookie'])).toMatch(/; Secure$/);
  });

  test('a wrong cookie is forgotten', async () => {
    const { status, headers } = await page.send('GET', '/api/session', { cookie: 'jetplug_token=old' });
    expect(status).toBe(401);
    expect(String(headers['set-cookie'])).toContain('Max-Age=0');
  });

  test('after ten wrong tokens the address must wait, also with the right one', async () => {
    const signIn = (token: string) => page.send('POST', '/api/session', JSON_BODY, JSON.stringify({ token }));
    for (let i = 0; i < 10; i++) expect((await signIn(`wrong-${i}`)).status).toBe(401);
    const { status, headers, json } = await signIn(OPERATOR);
    expect({ status, code: json['code'] }).toEqual({ status: 429, code: 'JP_HTTP_TRIES' });
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  });

  test('no answer and no line of the log has a token', async () => {
    const answers = [
      await page.send('GET', '/api/session', bearer(OPERATOR)),
      await page.send('GET', '/api/session', bearer(`${OPERATOR}x`)),
      await page.send('POST', '/api/session', JSON_BODY, JSON.stringify({ token: OPERATOR })),
    ];
    expect(JSON.stringify([answers.map(({ text }) => text), page.logged])).not.toContain(OPERATOR);
  });
});

describe('beyond loopback without a token', () => {
  beforeEach(() => open({ JETPLUG_HTTP_LISTEN: '0.0.0.0:0' }));

  test('only the probes answer, without reasons, and the start logs how to open the page', async () => {
    expect((await page.send('GET', '/livez')).status).toBe(200);
    expect((await page.send('GET', '/readyz')).json).toEqual({ status: 'not ready' });
    for (const path of ['/', '/metrics', '/api/session', '/api/live']) {
      const { status, json } = await page.send('GET', path);
      expect({ status, code: json['code'] }).toEqual({ status: 401, code: 'JP_HTTP_TOKEN' });
    }
    expect((await page.send('POST', '/api/session', JSON_BODY, '{"token":"any"}')).status).toBe(401);
    expect(page.logged).toContain('page, API and /metrics are closed: no token');
  });
});

test('beyond loopback with a token, the names of the config and the address itself are answered', async () => {
  await open({ ...TOKENS, JETPLUG_HTTP_LISTEN: '0.0.0.0:0', JETPLUG_HTTP_ALLOWED_HOSTS: 'ops.example' });
  const status = async (host: string) => (await page.send('GET', '/api/session', { ...bearer(READER), host })).status;
  expect(await status('ops.example')).toBe(200);
  expect(await status('OPS.example:443')).toBe(200);
  expect(await status('other.example')).toBe(403);
});
