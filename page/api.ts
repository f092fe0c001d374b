import { signal } from '@preact/signals';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { ApiError, Session } from '../host/page/api';

/** An answer of the host with a status of 400 or more, or no answer at all. */
export class ApiFailure extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}

/** The session; undefined until it is known. */
export const session = signal<Session | undefined>(undefined);
export const needsToken = signal(false);

export function query(path: string, values: Readonly<Record<string, string | number | undefined>>): string {
  const set = Object.entries(values).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? path : `${path}?${text}`;
}

export async function get<T>(path: string, abort?: AbortSignal): Promise<T> {
  return request(path, { method: 'GET', ...(abort && { signal: abort }) });
}

export async function post<T>(path: string, body: unknown = {}): Promise<T> {
  return request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

export async function readSession(): Promise<void> {
  session.value = await get<Session>('/api/session');
  needsToken.value = false;
}

export async function signIn(token: string): Promise<void> {
  await post('/api/session', { token });
  await readSession();
}

export async function signOut(): Promise<void> {
  await request('/api/session', { method: 'DELETE', headers: { 'content-type': 'application/json' }, body: '{}' });
  session.value = undefined;
  needsToken.value = true;
}

async function request<T>(path: string, init: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    const failure = new ApiFailure(0, 'NO_ANSWER', 'The host does not answer.', 'Check that the host runs.');
    failure.cause = cause;
    throw failure;
  }
  const text = await response.text();
  if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as T;
  throw failureOf(response.status, text);
}

function failureOf(status: number, text: string): ApiFailure {
  let body: Partial<ApiError>;
  try {
    body = JSON.parse(text) as Partial<ApiError>;
  } catch {
    // A proxy in between may answer with a text of its own.
    body = { message: text.slice(0, 300) };
  }
  if (status === 401 && body.needsToken) needsToken.value = true;
  return new ApiFailure(status, body.code ?? `HTTP ${status}`, body.message ?? 'The request failed.', body.hint);
}

export interface Loaded<T> {
  readonly data?: T;
  readonly error?: ApiFailure;
  readonly isLoading: boolean;
  reload(): void;
}

/** Loads a path, and again when it changes. Data of the same view stays while it is loaded again. */
export function useApi<T>(path: string | undefined): Loaded<T> {
  const [state, setState] = useState<{ path?: string; data?: T; error?: ApiFailure; isLoading: boolean }>({
    isLoading: true,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(path);
  latest.current = path;
  useEffect(() => {
    if (path === undefined) return setState({ isLoading: false });
    const abort = new AbortController();
    setState((before) => ({ ...(before.path === path && before), isLoading: true }));
    get<T>(path, abort.signal).then(
      (data) => setState({ path, data, isLoading: false }),
      (error: unknown) => {
        if (!abort.signal.aborted)
          setState((before) => ({ ...before, path, error: asFailure(error), isLoading: false }));
      },
    );
    return () => abort.abort();
  }, [path, turn]);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  return { ...state, reload };
}

export function asFailure(error: unknown): ApiFailure {
  return error instanceof ApiFailure ? error : new ApiFailure(0, 'PAGE', String(error));
}
