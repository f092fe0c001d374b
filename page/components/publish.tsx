import { useEffect, useState } from 'preact/hooks';
import type { DraftCheck, EventDraft, PublishedDraft } from '../../host/page/api';
import { asFailure, post, type ApiFailure } from '../api';
import { plural } from '../lib/format';
import { href } from '../route';
import { announce } from './announcer';
import { Dialog } from './dialog';
import { Failure } from './feedback';
import { parseJson } from './json';
import { HandlerLink } from './parts';

/** How long the typing must pause before a draft is checked. */
const PAUSE_MS = 250;

/** Checks a draft while somebody types it. The result is undefined until the first answer, and for text that is no JSON. */
export function useCheck(subject: string, text: string | undefined): { check?: DraftCheck; error?: ApiFailure } {
  const [state, setState] = useState<{ check?: DraftCheck; error?: ApiFailure }>({});
  useEffect(() => {
    const parsed = text === undefined ? { error: '' } : parseJson(text);
    if (parsed.error !== undefined) return setState({});
    let isOver = false;
    const timer = setTimeout(() => {
      post<DraftCheck>('/api/events/check', { subject, payload: parsed.value } satisfies EventDraft).then(
        (check) => !isOver && setState({ check }),
        (error: unknown) => !isOver && setState({ error: asFailure(error) }),
      );
    }, PAUSE_MS);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [subject, text]);
  return state;
}

/** Says who would receive a draft. */
export function Receivers({ check }: { readonly check: DraftCheck }) {
  const { receives, advice } = check;
  return (
    <div class="receivers" aria-live="polite">
      {advice !== undefined && <p class="note note-warn">{advice}</p>}
      {receives.length === 0 ? (
        <p class="quiet">No handler would receive it.</p>
      ) : (
        <p>
          {plural(receives.length, 'handler')} would receive it:{' '}
          {receives.map(({ plugin, handler }, index) => (
            <span key={`${plugin}.${handler}`}>
              {index > 0 && ', '}
              <HandlerLink plugin={plugin} handler={handler} />
            </span>
          ))}
        </p>
      )}
    </div>
  );
}

interface PublishProps extends EventDraft {
  readonly onClose: () => void;
}

/** Asks before an event is published: every handler of the subject acts on it. */
export function PublishDialog({ subject, payload, onClose }: PublishProps) {
  const { check, error: checkError } = useCheck(subject, JSON.stringify(payload));
  const [error, setError] = useState<ApiFailure>();
  const [isBusy, setBusy] = useState(false);
  const publish = (): void => {
    setBusy(true);
    post<PublishedDraft>('/api/events/publish', { subject, payload } satisfies EventDraft)
      .then(
        ({ id, stream, sequence }) => {
          announce(`Published as ${stream}:${sequence}.`, { href: href(['trace'], { event: id }), text: 'Trace' });
          onClose();
        },
        (reason: unknown) => setError(asFailure(reason)),
      )
      .finally(() => setBusy(false));
  };
  const failure = error ?? checkError;
  return (
    <Dialog title={`Publish ${subject}`} onClose={onClose}>
      <div class="form">
        <p>This is a new event. Handlers act on it for real: they write, publish and notify.</p>
        {check && <Receivers check={check} />}
        {failure && <Failure error={failure} />}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="button"
            class="button button-primary"
            disabled={isBusy || !check || check.faults.length > 0}
            onClick={publish}
          >
            Publish the event
          </button>
        </div>
      </div>
    </Dialog>
  );
}
