import { parseDuration } from '../../sdk/internal';
import type { Draft } from './draft';
import type { Written } from './merge';
import { overlap } from './overlap';
import { nearest } from './suggest';
import { bytes } from './units';

/** Reports keys that contradict each other, unless one of them has been reported as invalid already. */
export function crossCheck(written: Written, draft: Draft): void {
  // The keys that seem to be missing may be in a file that does not parse.
  if (draft.problems.some(({ code }) => code === 'JP_CONFIG_UNREADABLE')) return;
  if (draft.isSound('streams')) {
    checkComplete(written, draft);
    checkNames(written, draft);
    checkSubjects(written, draft);
    checkWindows(written, draft);
  }
  if (draft.isSound('delivery.maxBufferedBytes') && draft.isSound('delivery.maxPayload')) checkSizes(written, draft);
  if (draft.isSound('nats.credentials')) checkCredentials(written, draft);
  if (draft.isSound('http')) checkTokens(written, draft);
  if (draft.isSound('nats.tls')) checkTls(written, draft);
  if (draft.isSound('nats.domain') && draft.isSound('nats.apiPrefix')) checkApi(written, draft);
}

/** Reports a stream that has no subjects in any layer. Its name may be mistyped in a layer that means another one. */
function checkComplete({ streams }: Written, draft: Draft): void {
  const complete = streams.filter(({ subjects }) => subjects !== null).map(({ name }) => name);
  for (const { name } of streams.filter(({ subjects }) => subjects === null)) {
    const meant = nearest(name, complete);
    const what = `has no subjects${meant === undefined ? '' : `; did you mean ${meant}?`}`;
    const hint = meant === undefined ? 'Add subjects, in any layer.' : `Write ${meant}, or add subjects.`;
    report(draft, `streams[${name}]`, what, hint);
  }
}

/** The names of the streams that the host creates for itself, besides that of the dead letters. */
const OWN_STREAMS = /^(?:RETRY|RUNS|AUDIT|KV_jetplug.*|LOG_jetplug.*)$/;

function checkNames({ streams, deadLetters }: Written, draft: Draft): void {
  const named = streams.map(({ name }) => [name, `streams[${name}].name`] as const);
  for (const [name, path] of [...named, [deadLetters.stream, 'deadLetters.stream'] as const]) {
    if (!OWN_STREAMS.test(name)) continue;
    report(draft, path, `is ${name}, a stream that the host creates for itself`, 'Use another name.');
  }
  if (!streams.some(({ name }) => name === deadLetters.stream)) return;
  const [one, other] = ['deadLetters.stream', `streams[${deadLetters.stream}].name`] as const;
  const hint = 'Dead letters need a stream of their own: rename one of the two.';
  // The error is at a key that is written, not at one with its default.
  const isWritten = draft.sourceOf(one).layer !== 'default';
  report(draft, isWritten ? one : other, `is ${deadLetters.stream}, as ${isWritten ? other : one} is too`, hint);
}

/** Subjects that the host and the server use. */
const RESERVED: readonly [subject: string, whose: string][] = [
  ['dead.>', 'the dead letters’'],
  ['retry.>', 'the retry queue’s'],
  ['jetplug.*', 'the host’s'],
  ['jetplug.runs.*', 'the host’s'],
  ['$JS.>', 'the server’s'],
  ['$KV.>', 'the stores’'],
  ['$SYS.>', 'the server’s'],
  ['$SRV.>', 'the server’s'],
  ['_INBOX.>', 'the answers’'],
];

function checkSubjects({ streams }: Written, draft: Draft): void {
  const all = streams.flatMap(({ name, subjects }) =>
    (subjects ?? []).map((subject, i) => ({ subject, path: `streams[${name}].subjects[${i}]` })),
  );
  all.forEach(({ subject, path }, i) => {
    const reserved = RESERVED.find(([other]) => overlap(other, subject));
    if (reserved) {
      const what = `is ${subject}, which overlaps ${reserved[0]}: those subjects are ${reserved[1]}`;
      const isNamed = !/^[*>]/.test(subject);
      const hint = isNamed ? 'Use another first token' : 'Name the first token of the subjects';
      report(draft, path, what, `${hint}, as in orders.>.`);
    }
    const other = all.slice(0, i).find((earlier) => overlap(earlier.subject, subject));
    if (other) {
      report(
        draft,
        path,
        `is ${subject}, which overlaps ${other.subject} at ${other.path}`,
        'Let one stream hold a subject, once.',
      );
    }
  });
}

function checkWindows({ streams }: Written, draft: Draft): void {
  streams.forEach(({ name, duplicateWindow, maxAge }) => {
    if (parseDuration(duplicateWindow)! <= parseDuration(maxAge)!) return;
    const path = `streams[${name}].duplicateWindow`;
    // If only maxAge is written, the error is at the line of maxAge.
    const at = draft.sourceOf(path).layer === 'default' ? `streams[${name}].maxAge` : path;
    const what =
      at === path
        ? `is ${duplicateWindow}, longer than the stream’s maxAge of ${maxAge}`
        : `is ${maxAge}, shorter than the stream’s duplicateWindow of ${duplicateWindow}`;
    report(draft, at, what, 'Shorten duplicateWindow, or lengthen maxAge.');
  });
}

/** Reports a bound of the buffered bytes that not even one event fits. Mostly its unit was forgotten. */
function checkSizes({ delivery: { maxBufferedBytes, maxPayload } }: Written, draft: Draft): void {
  if (maxBufferedBytes === 'unlimited' || bytes(maxBufferedBytes) >= bytes(maxPayload)) return;
  const [bound, payload] = ['delivery.maxBufferedBytes', 'delivery.maxPayload'];
  // The error is at a key that is written, not at one with its default.
  if (draft.sourceOf(bound).layer === 'default') {
    const hint = `Lower ${payload}, or raise ${bound}.`;
    return report(draft, payload, `is ${maxPayload}, more than ${bound} (${maxBufferedBytes})`, hint);
  }
  const hint = `Write a size with its unit, such as 128 MiB, or lower ${payload}.`;
  report(draft, bound, `is ${maxBufferedBytes}, less than ${payload} (${maxPayload})`, hint);
}

const WAYS = [['user', 'password', 'passwordFile'], ['token', 'tokenFile'], ['credsFile'], ['nkeyFile']] as const;

function checkCredentials({ nats: { credentials } }: Written, draft: Draft): void {
  const above = 'nats.credentials.';
  const given = WAYS.map((way) => way.filter((key) => credentials[key] !== null)).filter((keys) => keys.length > 0);
  const [way, other] = given;
  if (way && other) {
    const hint = 'Keep one way to authenticate: user and password, a token, a creds file or an nkey.';
    report(draft, above + other[0]!, `is set together with ${above + way[0]!}`, hint);
  }
  for (const secret of ['password', 'token'] as const) {
    if (credentials[secret] === null || credentials[`${secret}File`] === null) continue;
    report(draft, `${above}${secret}File`, `is set together with ${above}${secret}`, 'Keep one of them.');
  }
  const password = (['password', 'passwordFile'] as const).find((key) => credentials[key] !== null);
  if (credentials.user !== null && !password) {
    report(draft, `${above}user`, 'is set without a password', 'Add passwordFile, or set JETPLUG_NATS_PASSWORD.');
  }
  if (credentials.user === null && password) {
    report(draft, above + password, 'is set without a user', 'Add user, or set JETPLUG_NATS_USER.');
  }
}

function checkTokens({ http }: Written, draft: Draft): void {
  for (const token of ['operatorToken', 'readerToken'] as const) {
    if (http[token] === null || http[`${token}File`] === null) continue;
    report(draft, `http.${token}File`, `is set together with http.${token}`, 'Keep one of them.');
  }
}

function checkTls({ nats: { tls } }: Written, draft: Draft): void {
  if ((tls.certFile === null) === (tls.keyFile === null)) return;
  const [given, missing] = tls.certFile === null ? ['keyFile', 'certFile'] : ['certFile', 'keyFile'];
  report(
    draft,
    `nats.tls.${given}`,
    `is set without ${missing}`,
    `Add ${missing}: a certificate and its key go together.`,
  );
}

function checkApi({ nats: { domain, apiPrefix } }: Written, draft: Draft): void {
  if (domain === null || apiPrefix === null) return;
  const hint = `Keep one of them: the domain ${domain} means the prefix $JS.${domain}.API.`;
  report(draft, 'nats.apiPrefix', 'is set together with nats.domain', hint);
}

function report(draft: Draft, path: string, what: string, hint: string): void {
  draft.reportValue(path, draft.sourceOf(path), what, hint);
}
