import { useState } from 'preact/hooks';
import { asFailure, signIn, type ApiFailure } from '../api';
import { Failure } from '../components/feedback';

/** Asks for the token of a host that needs one. */
export function SignIn() {
  const [token, setToken] = useState('');
  const [error, setError] = useState<ApiFailure>();
  const [isBusy, setBusy] = useState(false);
  const submit = (event: Event): void => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    signIn(token)
      .catch((reason: unknown) => setError(asFailure(reason)))
      .finally(() => setBusy(false));
  };
  return (
    <main class="outside">
      <form class="card sign-in" onSubmit={submit}>
        <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M18 5 8 18h7l-1 9 10-13h-7z" />
        </svg>
        <h1>Sign in to Jetplug</h1>
        <p class="quiet">
          This address needs a token. The config names its file: <code>http.operatorTokenFile</code> or{' '}
          <code>http.readerTokenFile</code>.
        </p>
        <label class="field">
          <span class="field-label">Token</span>
          <input
            class="input"
            type="password"
            name="token"
            autocomplete="current-password"
            required
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        {error && <Failure error={error} />}
        <button type="submit" class="button button-primary" disabled={isBusy}>
          {isBusy ? 'Signing in …' : 'Sign in'}
        </button>
      </form>
    </main>
  );
}
