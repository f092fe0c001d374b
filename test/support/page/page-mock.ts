/** A server with the API of the page and the story of the streaming platform, for the page's tests. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { readFileSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { AddressInfo } from 'node:net';
import type { DraftCheck, Job, LetterChange, LetterFilter, LiveMessages, Role } from '../../../host/page/api';
import { chosenLetters, letterGroups, letterPage, letterView } from './letters';
import { auditEntries, catalogue, flow, overviewNow, pluginView, subscribersOf } from './story';
import { found, keyHistory, liveRuns, samples, storePage, trace, tryAnswer } from './traces';

export interface MockOptions {
  /** Plugins besides the seven of the story. */
  readonly morePlugins?: number;
  /** Default: 1,204. */
  readonly letters?: number;
  readonly role?: Role;
  /** The token that the address needs. Default: none. */
  readonly token?: string;
  readonly isEmpty?: boolean;
  readonly port?: number;
  /** The interval of the live feed. Default: 1 s. */
  readonly everyMs?: number;
}

/** A change that the page has asked for. */
export interface MockChange {
  readonly path: string;
  readonly body: unknown;
}

const PAGE = join(__dirname, '..', '..', '..', 'dist', 'page');
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
};
/** As the host sends it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const JOB_STEPS = 4;

interface Call {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
}

class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly body: object,
  ) {
    super(JSON.stringify(body));
  }
}

export class PageMock {
  readonly changes: MockChange[] = [];
  /** The number of requests by path. */
  readonly asked = new Map<string, number>();
  /** The number of messages of the live feed. */
  beats = 0;
  private readonly server: Server;
  private readonly streams = new Set<ServerResponse>();
  private readonly jobs = new Map<string, Job>();
  private timer: NodeJS.Timeout | undefined;
  private isAway = false;
  private signedIn = false;

  private constructor(private readonly options: MockOptions) {
    this.server = createServer((request, response) => {
      this.answer(request, response).catch((error: unknown) => {
        const refusal =
          error instanceof Refusal ? error : new Refusal(500, { code: 'JP_INTERNAL', message: String(error) });
        response.writeHead(refusal.status, { 'content-type': 'application/json' }).end(JSON.stringify(refusal.body));
      });
    });
  }

  static async start(options: MockOptions = {}): Promise<PageMock> {
    const mock = new PageMock(options);
    await new Promise<void>((resolve) => mock.server.listen(options.port ?? 0, '127.0.0.1', resolve));
    mock.timer = setInterval(() => mock.beat(), options.everyMs ?? 1000);
    return mock;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** The broker stops to answer, or answers again. */
  setAway(isAway: boolean): void {
    this.isAway = isAway;
    this.beat();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    for (const stream of this.streams) stream.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private get letters(): number {
    return this.options.isEmpty ? 0 : (this.options.letters ?? 1204);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://localhost');
    const { pathname } = url;
    if (!pathname.startsWith('/api/')) return sendFile(pathname, response);
    this.asked.set(pathname, (this.asked.get(pathname) ?? 0) + 1);
    const body = await bodyOf(request);
    if (pathname === '/api/session') this.sign(request.method!, body);
    if (this.options.token !== undefined && !this.signedIn) {
      throw new Refusal(401, { code: 'JP_USAGE', message: 'This address needs a token.', needsToken: true });
    }
    if (pathname === '/api/live') return this.stream(response);
    if (request.method === 'POST') this.noteChange(pathname, body);
    const call = { path: pathname.slice('/api/'.length), query: Object.fromEntries(url.searchParams), body };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(this.result(call)));
  }

  private sign(method: string, body: unknown): void {
    if (method === 'DELETE') this.signedIn = false;
    if (method !== 'POST') return;
    if ((body as { token?: string }).token !== this.options.token) {
      throw new Refusal(401, {
        code: 'JP_USAGE',
        message: 'The token is wrong.',
        hint: 'Check it for a missing character.',
        needsToken: true,
      });
    }
    this.signedIn = true;
  }

  private noteChange(path: string, body: unknown): void {
    if (path === '/api/events/check' || path === '/api/session') return;
    if (this.options.role === 'reader')
      throw new Refusal(403, { code: 'JP_USAGE', message: 'A reader may not change anything.' });
    this.changes.push({ path, body });
  }

  private result({ path, query, body }: Call): unknown {
    const { isEmpty = false, morePlugins = 0 } = this.options;
    const [area, name = '', action] = path.split('/').map(decodeURIComponent);
    switch (area) {
      case 'session':
        return this.session();
      case 'overview':
        return this.overview();
      case 'plugins':
        return action === undefined
          ? pluginView(name, morePlugins)
          : { handlers: [{ plugin: name, handler: 'award' }] };
      case 'flow':
        return flow(isEmpty);
      case 'events':
        return this.events(name, query, body);
      case 'dead':
        return this.dead(name, query, body);
      case 'jobs':
        return action === 'cancel' ? {} : [...this.jobs.values()];
      case 'trace':
        if (query['event'] === 'unknown')
          throw new Refusal(404, { code: 'JP_NOT_FOUND', message: 'No run of the event unknown is recorded.' });
        return trace();
      case 'find':
        return found(query['subject'] ?? 'video.watch_started', 50);
      case 'try':
        return tryAnswer((body as { payload?: unknown }).payload ?? {});
      case 'store':
        return action === 'blame'
          ? keyHistory()
          : storePage(query['q'] ?? '', Number(query['cursor'] ?? 0), Number(query['limit'] ?? 100));
      case 'audit':
        return this.audit(Number(query['cursor'] ?? 0), Number(query['limit'] ?? 100));
      default:
        throw new Refusal(404, { code: 'JP_NOT_FOUND', message: `There is no ${path}.` });
    }
  }

  private session(): object {
    const { role = 'operator', token } = this.options;
    return {
      role,
      ...(token !== undefined && { name: role }),
      hasToken: token !== undefined,
      deployment: 'streaming',
      version: '0.1.0',
    };
  }

  private overview(): LiveMessages['overview'] {
    const { isEmpty = false, morePlugins = 0 } = this.options;
    return overviewNow({ isEmpty, morePlugins, deadLetters: this.letters });
  }

  private events(name: string, query: Call['query'], body: unknown): unknown {
    if (name === 'samples') return { samples: this.options.isEmpty ? [] : samples(query['subject']!, 12) };
    if (name === 'check') return check(body as { subject: string; payload: unknown });
    if (name === 'publish') return { id: '0192f0a1-7c3e-7d11-9b5e-2f6d1c8a4410', stream: 'EVENTS', sequence: 184_211 };
    return catalogue(this.options.isEmpty ?? false);
  }

  private dead(name: string, query: Call['query'], body: unknown): unknown {
    const filter = query as LetterFilter;
    if (name === 'groups') return letterGroups(filter, this.letters);
    if (name === 'redrive' || name === 'drop') return this.change(name, body as LetterChange);
    if (name !== '') return letterView(Number(name), this.letters);
    return letterPage(filter, this.letters, Number(query['cursor'] ?? 0), Number(query['limit'] ?? 100));
  }

  private change(kind: Job['kind'], { ids, filter = {}, dryRun }: LetterChange): object {
    const count = ids?.length ?? chosenLetters(filter, this.letters).length;
    if (dryRun) return { count };
    const id = String(this.jobs.size + 1);
    const startedAt = new Date().toISOString();
    this.jobs.set(id, {
      id,
      kind,
      state: 'running',
      total: count,
      done: 0,
      failed: 0,
      arrived: 0,
      startedAt,
      by: 'operator',
    });
    return { count, job: id };
  }

  private audit(cursor: number, limit: number): object {
    const entries = this.options.isEmpty ? [] : auditEntries(cursor, limit);
    return { entries, ...(entries.length === limit && { next: String(cursor + limit) }) };
  }

  private stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    this.streams.add(response);
    response.on('close', () => this.streams.delete(response));
    this.beat();
  }

  private beat(): void {
    this.beats++;
    if (this.isAway)
      return this.send('away', { since: new Date().toISOString(), reason: 'connection refused (127.0.0.1:4222)' });
    this.send('overview', this.overview());
    if (!this.options.isEmpty) this.send('runs', { runs: liveRuns(3), left: 214 });
    for (const job of this.jobs.values()) this.advance(job);
  }

  private advance(job: Job): void {
    if (job.state !== 'running') return;
    const done = Math.min(job.total, job.done + Math.ceil(job.total / JOB_STEPS));
    const next: Job = {
      ...job,
      done,
      arrived: job.arrived + (job.total > 100 ? 3 : 0),
      state: done === job.total ? 'done' : 'running',
    };
    this.jobs.set(job.id, next);
    this.send('job', next);
  }

  private send<K extends keyof LiveMessages>(name: K, message: LiveMessages[K]): void {
    for (const stream of this.streams) stream.write(`event: ${name}\ndata: ${JSON.stringify(message)}\n\n`);
  }
}

function check({ subject, payload }: { subject: string; payload: unknown }): DraftCheck {
  const isFaulty =
    typeof payload !== 'object' || payload === null || (subject === 'video.watch_started' && !('user_id' in payload));
  return { faults: isFaulty ? [{ path: 'user_id', message: 'must be a text' }] : [], receives: subscribersOf(subject) };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return text === '' ? undefined : (JSON.parse(text) as unknown);
}

function sendFile(path: string, response: ServerResponse): void {
  const name = path === '/' ? 'index.html' : path.slice(1);
  if (!readdirSync(PAGE).includes(name)) return void response.writeHead(404).end();
  response.writeHead(200, { 'content-type': TYPES[extname(name)]!, 'content-security-policy': POLICY });
  response.end(readFileSync(join(PAGE, name)));
}
