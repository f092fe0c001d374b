import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { get as getHttp, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { showThrown } from '../base/thrown';

/** Called as a download progresses. `total` is undefined where the server does not send the size. */
export type Progress = (bytes: number, total: number | undefined) => void;

export interface DownloadLimits {
  /** The time that the connect may take, with name lookup and TLS. */
  readonly connectMs: number;
  /** The time for which the server may send nothing. */
  readonly silenceMs: number;
}

/** The default limits. The time for the connect is short, so that a machine without a network continues soon. */
export const DOWNLOAD_LIMITS: DownloadLimits = { connectMs: 3_000, silenceMs: 15_000 };

const MAX_REDIRECTS = 5;

export async function downloadText(url: string, limits: DownloadLimits): Promise<string> {
  return await text(await open(url, limits));
}

/** Downloads a URL to a file. Resolves with the SHA-256 in hex. */
export async function downloadFile(
  url: string,
  path: string,
  limits: DownloadLimits,
  progress: Progress,
): Promise<string> {
  const response = await open(url, limits);
  const total = Number(response.headers['content-length']) || undefined;
  const hash = createHash('sha256');
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
    progress(bytes, total);
  });
  try {
    await pipeline(response, createWriteStream(path));
  } catch (cause) {
    throw new Error(`${url} broke off after ${bytes} of ${total ?? 'unknown'} bytes: ${showThrown(cause)}`, { cause });
  }
  return hash.digest('hex');
}

async function open(url: string, limits: DownloadLimits): Promise<IncomingMessage> {
  let at = url;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
    const response = await request(at, limits);
    const { statusCode = 0, headers } = response;
    if (statusCode === 200) return response;
    response.destroy();
    if (statusCode < 300 || statusCode >= 400 || headers.location === undefined) {
      throw new Error(`${at} answered ${statusCode}`);
    }
    at = new URL(headers.location, at).href;
  }
  throw new Error(`${url} redirects more than ${MAX_REDIRECTS} times`);
}

function request(url: string, { connectMs, silenceMs }: DownloadLimits): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const secure = url.startsWith('https:');
    let answer: IncomingMessage | undefined;
    // Without an agent each request has a new socket, whose connect can be timed.
    const sent = (secure ? getHttps : getHttp)(url, { agent: false }, (response) => {
      answer = response;
      resolve(response);
    });
    const connecting = setTimeout(
      () => sent.destroy(new Error(`no connection within ${connectMs / 1000} s`)),
      connectMs,
    );
    sent.on('socket', (socket) => {
      socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(connecting));
      socket.setTimeout(silenceMs, () => (answer ?? sent).destroy(new Error(`no data for ${silenceMs / 1000} s`)));
    });
    sent.on('error', (cause) => {
      clearTimeout(connecting);
      // A host with several addresses fails with an error for each of them.
      const whys = cause instanceof AggregateError ? cause.errors : [cause];
      reject(new Error(`${new URL(url).host}: ${whys.map(showThrown).join('; ')}`, { cause }));
    });
  });
}
