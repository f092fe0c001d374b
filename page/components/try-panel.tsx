import { useState } from 'preact/hooks';
import type { TryAnswer, TryRequest } from '../../host/page/api';
import type { HostRun } from '../types';
import { asFailure, post, type ApiFailure } from '../api';
import { duration } from '../lib/format';
import { ChangeButton } from './change-button';
import { Failure } from './feedback';
import { Json, JsonEditor, parseJson } from './json';
import { Card } from './parts';
import { PublishDialog, useCheck } from './publish';
import { OutcomePill, Pill } from './state';

interface TryPanelProps {
  readonly run: HostRun;
  readonly payload: unknown;
  readonly onClose: () => void;
}

/** Runs the handler again on a payload that can be edited. Nothing is written. Publishing it is an action of its own. */
export function TryPanel({ run, payload, onClose }: TryPanelProps) {
  const [before] = useState(() => JSON.stringify(payload, null, 2));
  const [text, setText] = useState(before);
  const [answer, setAnswer] = useState<TryAnswer>();
  const [error, setError] = useState<ApiFailure>();
  const [isBusy, setBusy] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const { check } = useCheck(run.subject, text);
  const { value, error: syntax } = parseJson(text);
  const runIt = (): void => {
    setBusy(true);
    setError(undefined);
    const request: TryRequest = {
      event: `${run.stream}:${run.sequence}`,
      plugin: run.plugin,
      handler: run.handler,
      ...(text !== before && { payload: value }),
    };
    post<TryAnswer>('/api/try', request)
      .then(setAnswer, (reason: unknown) => setError(asFailure(reason)))
      .finally(() => setBusy(false));
  };
  return (
    <Card
      title="Dry run"
      aside={
        <button type="button" class="button button-small" onClick={onClose}>
          Close
        </button>
      }
    >
      <p class="quiet">
        {run.plugin}.{run.handler} runs in a process of its own. Its writes and events are shown and thrown away.
      </p>
      <JsonEditor label="Payload" text={text} onInput={setText} faults={check?.faults ?? []} />
      {error && <Failure error={error} />}
      <div class="dialog-actions">
        <ChangeButton
          disabled={syntax !== undefined || !check || check.faults.length > 0}
          onClick={() => setAsking(true)}
        >
          Publish as a new event …
        </ChangeButton>
        <ChangeButton kind="primary" icon="play" disabled={syntax !== undefined || isBusy} onClick={runIt}>
          {isBusy ? 'Running …' : 'Dry run'}
        </ChangeButton>
      </div>
      <div aria-live="polite">{answer && <Answer answer={answer} />}</div>
      {isAsking && <PublishDialog subject={run.subject} payload={value} onClose={() => setAsking(false)} />}
    </Card>
  );
}

function Answer({ answer: { outcome, error, ranMs, writes, emits, lines } }: { readonly answer: TryAnswer }) {
  return (
    <div class="try-answer">
      <p>
        <OutcomePill outcome={outcome} /> in <span class="num">{duration(ranMs)}</span>
      </p>
      {error && <p class="error-text">{`${error.name}: ${error.message}`}</p>}
      <h3>It would write</h3>
      {writes.length === 0 && <p class="quiet">Nothing.</p>}
      {writes.map(({ key, before, after }) => (
        <div class="change" key={key}>
          <code class="strong">{key}</code>
          <code class="was">{before === undefined ? 'no value' : JSON.stringify(before)}</code>
          <span aria-label="becomes">→</span>
          <code class="becomes">{after === undefined ? 'deleted' : JSON.stringify(after)}</code>
        </div>
      ))}
      <h3>It would publish</h3>
      {emits.length === 0 && <p class="quiet">Nothing.</p>}
      {emits.map(({ subject, payload }, index) => (
        <div key={index}>
          <p class="mono strong">{subject}</p>
          <Json value={payload} label={`Payload of ${subject}`} />
        </div>
      ))}
      {lines.length > 0 && <h3>It logged</h3>}
      <ol class="log">
        {lines.map(({ level, message }, index) => (
          <li key={index}>
            <Pill tone="quiet">{level}</Pill> {message}
          </li>
        ))}
      </ol>
    </div>
  );
}
