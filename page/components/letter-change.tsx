import { useEffect, useMemo, useState } from 'preact/hooks';
import type { LetterChange, LetterChangeAnswer } from '../../host/page/api';
import { asFailure, post, session, type ApiFailure } from '../api';
import { plural } from '../lib/format';
import { expectJob, overview } from '../live';
import { announce } from './announcer';
import { Dialog } from './dialog';
import { Failure, Skeleton } from './feedback';

type Kind = 'redrive' | 'drop';

interface LetterChangeProps {
  readonly kind: Kind;
  /** The letters, and an edited payload if there is one. */
  readonly change: Pick<LetterChange, 'ids' | 'filter' | 'payload'>;
  /** The letters in words. */
  readonly about: string;
  readonly onClose: (isDone: boolean) => void;
}

/** Counts the letters of a change first, and begins it when the operator confirms. */
export function LetterChangeDialog({ kind, change, about, onClose }: LetterChangeProps) {
  const [count, setCount] = useState<number>();
  const [error, setError] = useState<ApiFailure>();
  const [rate, setRate] = useState('');
  const [to, setTo] = useState('');
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    send(kind, { ...change, dryRun: true }).then(
      (answer) => setCount(answer.count),
      (reason: unknown) => setError(asFailure(reason)),
    );
  }, []);
  const submit = (event: Event): void => {
    event.preventDefault();
    setBusy(true);
    const perS = Number(rate);
    const options = kind === 'redrive' ? { ...(perS > 0 && { ratePerS: perS }), ...(to !== '' && { to }) } : {};
    send(kind, { ...change, ...options })
      .then(
        (answer) => {
          note(kind, answer);
          onClose(true);
        },
        (reason: unknown) => setError(asFailure(reason)),
      )
      .finally(() => setBusy(false));
  };
  const verb = kind === 'redrive' ? 'Redrive' : 'Drop';
  return (
    <Dialog title={`${verb} ${about}`} onClose={() => onClose(false)}>
      <form class="form" onSubmit={submit}>
        {count === undefined && !error && <Skeleton lines={1} />}
        {count !== undefined && (
          <p class="count-line">
            <strong class="num">{plural(count, 'letter')}</strong> {count === 1 ? 'is' : 'are'} chosen.{' '}
            {kind === 'redrive'
              ? 'Each event goes to its handler again and has all its attempts again.'
              : 'They are deleted for good. The events stay in their streams.'}
          </p>
        )}
        {kind === 'redrive' && (
          <RedriveFields rate={rate} onRate={setRate} to={to} onTo={setTo} isMany={(count ?? 0) > 1} />
        )}
        {error && <Failure error={error} />}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={() => onClose(false)}>
            Cancel
          </button>
          <button
            type="submit"
            class={`button ${kind === 'drop' ? 'button-danger' : 'button-primary'}`}
            disabled={isBusy || !count}
          >
            {count === undefined ? verb : `${verb} ${plural(count, 'letter')}`}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface FieldsProps {
  readonly rate: string;
  readonly onRate: (rate: string) => void;
  readonly to: string;
  readonly onTo: (to: string) => void;
  readonly isMany: boolean;
}

function RedriveFields({ rate, onRate, to, onTo, isMany }: FieldsProps) {
  const handlers = useMemo(
    () =>
      overview
        .peek()
        ?.plugins.flatMap(({ plugin, handlers: own }) => own.map(({ handler }) => `${plugin}.${handler}`)) ?? [],
    [],
  );
  return (
    <>
      {isMany && (
        <label class="field">
          <span class="field-label">At most so many in a second</span>
          <input
            class="input"
            type="number"
            min="1"
            step="1"
            inputMode="numeric"
            placeholder="as fast as it goes"
            value={rate}
            onInput={(event) => onRate(event.currentTarget.value)}
          />
        </label>
      )}
      <label class="field">
        <span class="field-label">To handler</span>
        <select class="input" value={to} onChange={(event) => onTo(event.currentTarget.value)}>
          <option value="">The one that failed</option>
          {handlers.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
        <span class="field-note">Letters of a removed plugin can go to its successor.</span>
      </label>
    </>
  );
}

function send(kind: Kind, change: LetterChange): Promise<LetterChangeAnswer> {
  return post(`/api/dead/${kind}`, change);
}

function note(kind: Kind, { count, job }: LetterChangeAnswer): void {
  announce(
    kind === 'redrive' ? `${plural(count, 'letter')} will be redriven.` : `${plural(count, 'letter')} will be dropped.`,
  );
  if (job === undefined) return;
  const counts = { total: count, done: 0, failed: 0, arrived: 0 };
  const by = session.value?.name ?? 'you';
  expectJob({ id: job, kind, state: 'running', ...counts, startedAt: new Date().toISOString(), by });
}
