import { parseDuration } from '../../sdk/internal';
import type { Draft } from './draft';
import type { Written } from './merge';
import { overlap } from './overlap';

/** Reports keys that contradict each other, unless one of them has been reported as invalid already. */
export function crossCheck(written: Written, draft: Draft): void {
  // The keys that seem to be missing may be in a file that does not parse.
  if (draft.problems.some(({ code }) => code === 'JP_CONFIG_UNREADABLE')) return;
  if (draft.isSound('streams')) {
    checkNames(written, draft);
    checkSubjects(written, draft);
    checkWindows(written, draft);
  }
  if (draft.isSound('nats.credentials')) checkCredentials(written, draft);
  if (draft.isSound('http')) checkTokens(written, draft);
  if (draft.isSound('nats.tls')) checkTls(written, draft);
  if (draft.isSound('nats.domain') && draft.isSound('nats.apiPrefix')) checkApi(written, draft);
}

function checkNames({ streams, deadLetters }: Written, draft: Draft): void {
  streams.forEach(({ name }, i) => {
    const first = streams.findIndex((other) => other.name === name);
    if (first === i) return;
    report(draft, `streams[${i}].name`, `is ${name}, as streams[${first}].name is too`, 'Give each its own name.');
  });
  const taken = streams.findIndex(({ name }) => name === deadLetters.stream);
  if (taken === -1) return;
  const [one, other] = ['deadLetters.stream', `streams[${taken}].name`] as const;
  const hint = 'Dead letters need a stream of their own: rename one of the two.';
  // The error is at a key that is written, not at one with its default.
  const isWritten = draft.sourceOf(one).layer !== 'default';
  report(draft, isWritten ? one : other, `is ${deadLetters.stream}, as ${isWritten ? other : one} is too`, hint);
}

/** Subjects that the host and the server use. */
const RESERVED: readonly [subject: string, whose: string][] = [
  ['dead.>', 'the dead letters’'],
  ['$JS.>', 'the server’s'],
  ['$KV.>', 'the stores’'],
  ['$SYS.>', 'the server’s'],
];

function checkSubjects({ streams }: Written, draft: Draft): void {
  const all = streams.flatMap(({ subjects }, i) =>
    subjects.map((subject, j) => ({ subject, path: `streams[${i}].subjects[${j}]` })),
  );
  all.forEach(({ subject, path }, i) => {
    const reserved = RESERVED.find(([other]) => overlap(other, subject));
    if (reserved) {
      const what = `is ${subject}, which overlaps ${reserved[0]}: those subjects are ${reserved[1]}`;
      report(draft, path, what, 'Name the first token of the subjects, as in orders.>.');
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
  streams.forEach(({ duplicateWindow, maxAge }, i) => {
    if (parseDuration(duplicateWindow)! <= parseDuration(maxAge)!) return;
    const path = `streams[${i}].duplicateWindow`;
    // If only maxAge is written, the error is at the line of maxAge.
    const at = draft.sourceOf(path).layer === 'default' ? `streams[${i}].maxAge` : path;
    const what =
      at === path
        ? `is ${duplicateWindow}, longer than the stream’s maxAge of ${maxAge}`
        : `is ${maxAge}, shorter than the stream’s duplicateWindow of ${duplicateWindow}`;
    report(draft, at, what, 'Shorten duplicateWindow, or lengthen maxAge.');
  });
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
