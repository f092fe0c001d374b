const TOKEN = /^[^\s.*>\p{Cc}]+$/u;
const MAX_BYTES = 255;

/**
 * Whether an event may be published on this subject: dot-separated tokens with no wildcard, white space or control
 * character. The client library does not check this, so a line break in a subject would inject a second protocol
 * command.
 */
export function isPublishSubject(subject: string): boolean {
  if (valid.has(subject)) return true;
  if (!isBounded(subject) || !subject.split('.').every((token) => TOKEN.test(token))) return false;
  if (valid.size >= MAX_REMEMBERED) valid.clear();
  valid.add(subject);
  return true;
}

/** Subjects that have been found valid. They are kept because programs publish on a few subjects again and again. */
const valid = new Set<string>();
const MAX_REMEMBERED = 1_000;

/** Whether this subject may be subscribed to: like {@link isPublishSubject}, and `*` and a last `>` are allowed. */
export function isSubscribeSubject(subject: string): boolean {
  if (!isBounded(subject)) return false;
  const tokens = subject.split('.');
  return tokens.every((token, i) => TOKEN.test(token) || token === '*' || (token === '>' && i === tokens.length - 1));
}

/** Whether every subject that `inner` matches is matched by `outer` too. */
export function covers(outer: string, inner: string): boolean {
  const out = outer.split('.');
  const inn = inner.split('.');
  for (let i = 0; i < out.length; i++) {
    if (out[i] === '>') return inn.length > i;
    if (i >= inn.length || inn[i] === '>') return false;
    if (out[i] !== '*' && out[i] !== inn[i]) return false;
  }
  return out.length === inn.length;
}

function isBounded(subject: string): boolean {
  return typeof subject === 'string' && subject.length > 0 && Buffer.byteLength(subject) <= MAX_BYTES;
}
