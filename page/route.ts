import { signal } from '@preact/signals';

export interface Route {
  /** The parts of the path: `#/plugins/badge` has two. */
  readonly path: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

export const route = signal<Route>(parse(location.hash));

export function followHash(): void {
  window.addEventListener('hashchange', () => {
    route.value = parse(location.hash);
  });
}

export function href(path: readonly string[], query: Readonly<Record<string, string | undefined>> = {}): string {
  const set = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const text = new URLSearchParams(set).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${text && `?${text}`}`;
}

export function go(to: string): void {
  location.hash = to;
}

/** Changes the query of the view without a step in the history. */
export function setQuery(query: Readonly<Record<string, string | undefined>>): void {
  const { path, query: before } = route.value;
  history.replaceState(null, '', href(path, { ...before, ...query }));
  route.value = parse(location.hash);
}

function parse(hash: string): Route {
  const [path = '', query] = hash.replace(/^#\/?/, '').split('?');
  const parts = path.split('/').filter(Boolean).map(decoded);
  return { path: parts.length > 0 ? parts : ['overview'], query: Object.fromEntries(new URLSearchParams(query)) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // A mistyped address: the part as it stands finds nothing, and the view says so.
    return part;
  }
}
