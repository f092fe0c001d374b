import { useState } from 'preact/hooks';
import type { Paused, PauseRequest } from '../../host/page/api';
import { asFailure, post, type ApiFailure } from '../api';
import { announce } from './announcer';
import { Dialog } from './dialog';
import { Failure } from './feedback';

interface PauseProps {
  readonly plugin: string;
  readonly handler?: string;
  readonly onClose: () => void;
}

/** Asks how long a plugin, or one handler, is paused. */
export function PauseDialog({ plugin, handler, onClose }: PauseProps) {
  const [length, setLength] = useState('');
  const [error, setError] = useState<ApiFailure>();
  const name = handler === undefined ? plugin : `${plugin}.${handler}`;
  const submit = (event: Event): void => {
    event.preventDefault();
    const request: PauseRequest = { ...(handler !== undefined && { handler }), ...(length !== '' && { for: length }) };
    post<Paused>(`/api/plugins/${encodeURIComponent(plugin)}/pause`, request).then(
      () => {
        announce(`${name} is paused.`);
        onClose();
      },
      (reason: unknown) => setError(asFailure(reason)),
    );
  };
  return (
    <Dialog title={`Pause ${name}`} onClose={onClose}>
      <form onSubmit={submit} class="form">
        <p>Events wait in their stream meanwhile. None is lost.</p>
        <label class="field">
          <span class="field-label">How long</span>
          <select class="input" value={length} onChange={(event) => setLength(event.currentTarget.value)}>
            <option value="">Until somebody resumes it</option>
            <option value="10m">10 minutes</option>
            <option value="1h">1 hour</option>
            <option value="8h">8 hours</option>
          </select>
        </label>
        {error && <Failure error={error} />}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-primary">
            Pause
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function resume(plugin: string, handler?: string): void {
  const name = handler === undefined ? plugin : `${plugin}.${handler}`;
  post<Paused>(`/api/plugins/${encodeURIComponent(plugin)}/resume`, handler === undefined ? {} : { handler }).then(
    () => announce(`${name} is resumed.`),
    (reason: unknown) => announce(`${name} is not resumed: ${asFailure(reason).message}`),
  );
}
