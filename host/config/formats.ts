import convict from 'convict';
import { isSubscribeSubject, parseDuration } from '../../sdk/internal';
import { HTTP_TOKEN, isHttpToken } from './http-token';
import { meantChoice, meantDuration, meantSize } from './mends';
import { parseSize } from './size';

/** The format of a key's value. The schema refers to formats by name. */
export interface Format {
  /** Describes the format, to complete the phrase “… takes”. */
  readonly expected: string;
  /** Whether a value of a YAML file has this format. */
  accepts(value: unknown): boolean;
  /** Converts the text of a variable or flag, for formats that are not text. */
  fromText?(text: string): unknown;
  /**
   * A hint for an invalid value, if there is one. The hint may repeat digits of the value but nothing else, because the
   * value may be a secret.
   */
  mend?(value: unknown): string | undefined;
  /** The format of each item of a list. */
  readonly items?: Format;
}

const YEARS_100 = '36500d';
/** The longest delay of a Node.js timer, whose number of milliseconds has 31 bits. */
const LONGEST_TIMER = '24d';

const FORMATS = {
  text: text('text', (value) => value.trim() !== ''),
  path: text('a path', isPath),
  paths: list(text('a path', isPath), { atLeast: 1 }),
  files: list(text('the path of a file', isPath), { atLeast: 0 }),
  boolean: {
    expected: 'true or false',
    accepts: (value) => typeof value === 'boolean',
    fromText: (written) => (written === 'true' ? true : written === 'false' ? false : written),
    mend: (value) =>
      /^(yes|on)$/i.test(plain(value)) ? 'Write true.' : /^(no|off)$/i.test(plain(value)) ? 'Write false.' : undefined,
  },
  count: integer(1, 1_000_000),
  /** A number that is a limit. There is no limit where its key is left out. */
  countLimit: {
    ...integer(1, 1_000_000),
    mend: (value) =>
      /^(?:0|-1|unlimited|none|off)$/i.test(plain(value))
        ? 'Leave it out for no limit.'
        : integer(1, 1_000_000).mend?.(value),
  },
  replicas: integer(1, 5),
  port: integer(0, 65_535),
  size: {
    expected: 'a size above 0, like 512 KiB, 10 GiB or a plain number of bytes',
    accepts: (value) => (parseSize(value) ?? 0) > 0,
    mend: (value) => write(meantSize(plain(value))),
  },
  /** A size limit, or `unlimited`. */
  limit: {
    expected: 'a size above 0, like 512 KiB, 10 GiB or a plain number of bytes, or unlimited',
    accepts: (value) => value === 'unlimited' || (parseSize(value) ?? 0) > 0,
    mend: (value) => write(meantSize(plain(value))),
  },
  /** A share of all, or `off`. */
  share: {
    expected: 'a share from 0 to 1, like 0.01, or "off"',
    accepts: (value) => value === 'off' || (typeof value === 'number' && value >= 0 && value <= 1),
    fromText: (written) => (/^\d*\.?\d+$/.test(written) ? Number(written) : written),
    mend: (value) => (value === false ? 'Put off in quotes.' : undefined),
  },
  /** A time limit that a timer measures. */
  timeout: duration('1ms', LONGEST_TIMER),
  /** A wait, which may be 0. */
  wait: duration('0s', LONGEST_TIMER),
  /** An interval of polling, or `auto`. The least is the interval of the host's own checks. */
  interval: {
    expected: 'auto, or a length of time from 250ms to 1h, like 1s',
    accepts: (value) => value === 'auto' || duration('250ms', '1h').accepts(value),
    mend: (value) => duration('250ms', '1h').mend?.(value),
  },
  /** A retention time. 100 ms is the least that a stream accepts. */
  age: duration('100ms', YEARS_100),
  backoff: list(duration('0s', LONGEST_TIMER), { atLeast: 1 }),
  syncInterval: {
    expected: '"always", or a length of time in ms, s, m or h, like 10s',
    accepts: (value) =>
      typeof value === 'string' &&
      (value === 'always' || (/^\d+(ms|s|m|h)$/.test(value) && Number.parseInt(value) > 0)),
  },
  server: server(),
  servers: list(server(), { atLeast: 0 }),
  address: {
    expected: 'host:port, like 127.0.0.1:8300, or "off"',
    accepts: isAddress,
    mend: (value) =>
      /^:?\d+$/.test(plain(value)) ? `Write the host too: 127.0.0.1:${plain(value).replace(':', '')}.` : undefined,
  },
  hostNames: list(
    text('the name or the address of a host, without a port', (value) => /^(?:\[[\da-f:.]+\]|[\w.-]+)$/i.test(value)),
    { atLeast: 0 },
  ),
  httpToken: text(HTTP_TOKEN, isHttpToken),
  deployName: text('a name of 1 to 64 letters, digits, dots, - and _, which begins with a letter or digit', (value) =>
    /^[A-Za-z0-9][\w.-]{0,63}$/.test(value),
  ),
  /** One token of a subject. */
  token: text('a name without dots, white space, * and >', (value) => isPrefix(value) && !value.includes('.')),
  subjectPrefix: text('the first tokens of a subject, without white space, * and >, like _INBOX.jetplug', isPrefix),
  streamName: text('a name of up to 100 letters, digits, - and _', (value) => /^[\w-]{1,100}$/.test(value)),
  subjects: list(
    text('a subject: tokens between dots, without white space, * for one token, > for all that follow', (value) =>
      isSubscribeSubject(value),
    ),
    { atLeast: 1 },
  ),
  from: {
    expected: 'new, beginning, { since: 7d } or { sequence: 1 }',
    accepts: isFrom,
  },
  /** A map whose keys only the plugin's own schema knows. */
  settings: { expected: 'a map', accepts: isMap },
  /** A list whose entries have the keys of the leaf's `children`. */
  streams: {
    expected: 'a list of streams, each with a name and subjects',
    accepts: Array.isArray,
    mend: (value) => (isMap(value) ? 'Begin each stream with - and its name, as in - name: EVENTS.' : undefined),
  },
} satisfies Record<string, Format>;

export type FormatName = keyof typeof FORMATS;

for (const [name, format] of Object.entries<Format>(FORMATS)) {
  convict.addFormat({
    name,
    validate: (value: unknown) => {
      if (!format.accepts(value)) throw new Error(`takes ${format.expected}`);
    },
    ...(format.fromText && { coerce: (value: string) => format.fromText!(value) }),
  });
}

/** The format that a leaf of the schema names, or the choice that it lists. */
export function formatOf(leaf: { readonly format: string | readonly string[] }): Format {
  if (typeof leaf.format === 'string') return FORMATS[leaf.format as FormatName];
  const choices = leaf.format;
  return {
    expected: `one of ${choices.join(', ')}`,
    accepts: (value) => choices.includes(value as string),
    mend: (value) => write(meantChoice(plain(value), choices)),
  };
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(expected: string, accepts: (value: string) => boolean): Format {
  return {
    expected,
    accepts: (value) => typeof value === 'string' && accepts(value),
    mend: (value) => (typeof value === 'number' || typeof value === 'boolean' ? 'Put it in quotes.' : undefined),
  };
}

function integer(least: number, most: number): Format {
  return {
    expected: `a whole number from ${least} to ${most.toLocaleString('en')}`,
    accepts: (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
    fromText: (written) => (/^-?\d+$/.test(written) ? Number(written) : written),
    mend: (value) => (typeof value === 'string' && /^\d+$/.test(value) ? 'Write it without quotes.' : undefined),
  };
}

function duration(least: string, most: string): Format {
  const [leastMs, mostMs] = [parseDuration(least)!, parseDuration(most)!];
  // A number is refused, because it has no unit.
  const accepts = (value: unknown): boolean => {
    const ms = typeof value === 'string' ? parseDuration(value) : undefined;
    return ms !== undefined && ms >= leastMs && ms <= mostMs;
  };
  return {
    expected: `a length of time from ${least} to ${most}, like 250ms, 30s, 2m or 7d`,
    accepts,
    mend: (value) => {
      const text = plain(value);
      const units = ['s', 'ms'].map((unit) => text + unit).filter(accepts);
      if (/^\d+(\.\d+)?$/.test(text))
        return units.length > 0 ? `Write its unit, like ${units.join(' or ')}.` : undefined;
      const meant = meantDuration(text);
      return accepts(meant) ? write(meant) : undefined;
    },
  };
}

function list(items: Format, { atLeast }: { atLeast: number }): Format {
  return {
    expected: `a list${atLeast > 0 ? ' that is not empty' : ''}, each item ${items.expected}`,
    accepts: (value) => Array.isArray(value) && value.length >= atLeast && value.every((item) => items.accepts(item)),
    fromText: (written) => written.split(',').map((item) => item.trim()),
    mend: (value) => {
      const parts = typeof value === 'string' ? value.split(',').map((part) => part.trim()) : [value];
      return parts.every((part) => items.accepts(part)) ? 'Write it as a list, in [ ].' : undefined;
    },
    items,
  };
}

function server(): Format {
  return {
    expected: 'the address of a server, like nats://127.0.0.1:4222, with no user or password in it',
    accepts: (value) => {
      const match = /^(?:(?:nats|tls):\/\/)?(?:\[[\da-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/i.exec(plain(value));
      return typeof value === 'string' && match !== null && Number(match[1] ?? 4222) <= 65_535;
    },
    mend: (value) => (plain(value).includes('@') ? 'Put the user and password into nats.credentials.' : undefined),
  };
}

function isPrefix(value: string): boolean {
  return isSubscribeSubject(value) && !/[*>]/.test(value);
}

function write(meant: string | undefined): string | undefined {
  return meant === undefined ? undefined : `Write ${meant}.`;
}

/** A plain value as text; empty for a map or a list, which may have a `toString` of its own. */
function plain(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

function isPath(value: string): boolean {
  return value.trim() !== '' && !value.includes('\0');
}

function isAddress(value: unknown): boolean {
  if (value === '' || value === 'off') return true;
  const match = /^(?:\[[\da-f:.]+\]|[\w.-]+):(\d{1,5})$/i.exec(plain(value));
  return typeof value === 'string' && match !== null && Number(match[1]) <= 65_535;
}

function isFrom(value: unknown): boolean {
  if (!isMap(value)) return value === 'new' || value === 'beginning';
  const [key, ...others] = Object.keys(value);
  if (others.length > 0) return false;
  if (key === 'since') return FORMATS.age.accepts(value[key]);
  return key === 'sequence' && Number.isSafeInteger(value[key]) && (value[key] as number) >= 1;
}
