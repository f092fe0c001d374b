import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { asFailure, get, query, type ApiFailure } from '../api';

interface Page<T> {
  readonly rows: readonly T[];
  readonly total?: number;
  readonly next?: string;
}

/** Pages that stay in memory. A page that the list has left is loaded again by its cursor when it is needed. */
const MAX_PAGES = 8;
const PAGE_ROWS = 200;

export interface Paged<T> {
  /** The rows that can be scrolled to. */
  readonly count: number;
  readonly total: number | undefined;
  readonly isLoading: boolean;
  readonly error: ApiFailure | undefined;
  row(index: number): T | undefined;
  onRange(from: number, to: number): void;
  reload(): void;
}

interface State<T> {
  /** The cursor of each page that is known; the first has none. */
  readonly cursors: readonly (string | undefined)[];
  readonly pages: ReadonlyMap<number, readonly T[]>;
  readonly lastRows?: number;
  readonly total?: number;
  readonly error?: ApiFailure;
}

const NOTHING = { cursors: [undefined], pages: new Map<number, never>() };

/**
 * A list that the server hands out in pages, one after the other by a cursor. At most some pages are kept.
 * @param read takes the rows out of an answer
 */
export function usePaged<T, A>(path: string, read: (answer: A) => Page<T>): Paged<T> {
  const [state, setState] = useState<State<T>>(NOTHING);
  const [turn, setTurn] = useState(0);
  const range = useRef<readonly [number, number]>([0, 0]);
  const loading = useRef(new Map<number, AbortController>());
  const latest = useRef(state);
  latest.current = state;

  const load = useCallback(
    (page: number) => {
      if (loading.current.has(page)) return;
      const abort = new AbortController();
      loading.current.set(page, abort);
      const cursor = latest.current.cursors[page];
      const separator = path.includes('?') ? '&' : '?';
      const rest = query('', { cursor, limit: PAGE_ROWS }).slice(1);
      get<A>(`${path}${separator}${rest}`, abort.signal)
        .then(
          (answer) => setState((before) => withPage(before, page, read(answer), range.current)),
          (error: unknown) => {
            if (!abort.signal.aborted) setState((before) => ({ ...before, error: asFailure(error) }));
          },
        )
        .finally(() => {
          if (loading.current.get(page) === abort) loading.current.delete(page);
        });
    },
    [path, read],
  );

  useEffect(() => {
    for (const abort of loading.current.values()) abort.abort();
    loading.current.clear();
    latest.current = NOTHING;
    setState(NOTHING);
    load(0);
  }, [load, turn]);

  const onRange = useCallback(
    (from: number, to: number) => {
      range.current = [Math.floor(from / PAGE_ROWS), Math.floor(to / PAGE_ROWS)];
      const { cursors, pages } = latest.current;
      for (let page = range.current[0]; page <= range.current[1] && page < cursors.length; page++) {
        if (!pages.has(page)) load(page);
      }
    },
    [load],
  );

  const { cursors, pages, lastRows } = state;
  const known = lastRows === undefined ? cursors.length * PAGE_ROWS : (cursors.length - 1) * PAGE_ROWS + lastRows;
  return {
    count: pages.size === 0 && cursors.length === 1 ? 0 : known,
    total: state.total,
    isLoading: pages.size === 0 && state.error === undefined,
    error: state.error,
    row: (index) => pages.get(Math.floor(index / PAGE_ROWS))?.[index % PAGE_ROWS],
    onRange,
    reload: useCallback(() => setTurn((before) => before + 1), []),
  };
}

function withPage<T>(before: State<T>, page: number, answer: Page<T>, range: readonly [number, number]): State<T> {
  const pages = new Map(before.pages).set(page, answer.rows);
  for (const other of [...pages.keys()].sort((a, b) => distance(b, range) - distance(a, range))) {
    if (pages.size <= MAX_PAGES) break;
    pages.delete(other);
  }
  const isLast = page === before.cursors.length - 1;
  const { error: _, ...kept } = before;
  return {
    ...kept,
    pages,
    ...(isLast && answer.next !== undefined && { cursors: [...before.cursors, answer.next] }),
    ...(isLast && answer.next === undefined && { lastRows: answer.rows.length }),
    ...(answer.total !== undefined && { total: answer.total }),
  };
}

function distance(page: number, [from, to]: readonly [number, number]): number {
  return Math.max(from - page, page - to, 0);
}
