import { useState } from 'preact/hooks';
import type { HostRun } from '../types';
import { duration, exactTime } from '../lib/format';
import type { WaterfallRow } from '../lib/waterfall';
import { href } from '../route';
import { ChangeButton } from './change-button';
import { Json } from './json';
import { Card, EventLink, Facts, HandlerLink } from './parts';
import { OutcomePill, Pill } from './state';
import { TryPanel } from './try-panel';

interface RunDetailProps {
  readonly row: WaterfallRow;
  /** The event's payload; undefined if it is not stored any more. */
  readonly payload: unknown;
}

/** A run: its outcome, error, log lines and effects. For an event, its payload. */
export function RunDetail({ row: { run, event }, payload }: RunDetailProps) {
  const [isTrying, setTrying] = useState(false);
  return (
    <>
      {run && <Run run={run} />}
      <Card
        title="Event"
        aside={
          run && (
            <ChangeButton icon="play" disabled={isTrying || payload === undefined} onClick={() => setTrying(true)}>
              Run again …
            </ChangeButton>
          )
        }
      >
        <Facts
          facts={[
            ['Subject', event.subject && <EventLink subject={event.subject} />],
            ['Id', <code class="wrap">{event.id}</code>],
            ['Stored', event.storedAtMs === undefined ? undefined : exactTime(event.storedAtMs)],
            ['Place', event.stream && `${event.stream}:${event.sequence ?? ''}`],
          ]}
        />
        {payload === undefined ? (
          <p class="quiet">The stream does not keep this event any more.</p>
        ) : (
          <Json value={payload} label="Payload of the event" />
        )}
      </Card>
      {run && isTrying && <TryPanel run={run} payload={payload} onClose={() => setTrying(false)} />}
    </>
  );
}

function Run({ run }: { readonly run: HostRun }) {
  const { plugin, handler, outcome, verdict, reason, error, attempt, host, version, ranMs, startedAtMs, storedAtMs } =
    run;
  return (
    <Card title="Run" aside={<OutcomePill outcome={outcome} />}>
      {error && <p class="error-text">{`${error.name}: ${error.message}`}</p>}
      {error?.stack && (
        <details class="details">
          <summary>Stack</summary>
          <pre class="code" tabIndex={0} role="region" aria-label="Stack">
            {error.stack}
          </pre>
        </details>
      )}
      <Facts
        facts={[
          ['Handler', <HandlerLink plugin={plugin} handler={handler} />],
          ['Then', reason === undefined ? verdict : `${verdict}: ${reason}`],
          ['Waited', duration(startedAtMs - storedAtMs)],
          ['Ran', duration(ranMs)],
          ['Attempt', attempt],
          ['Started', exactTime(startedAtMs)],
          ['Host', host],
          ['Version', <code>{version}</code>],
        ]}
      />
      <Lines run={run} />
      <Effects run={run} />
    </Card>
  );
}

const LEVEL_TONES: Readonly<Record<string, 'bad' | 'warn' | 'quiet'>> = { error: 'bad', fatal: 'bad', warn: 'warn' };

function Lines({ run: { lines = [], linesLeft = 0 } }: { readonly run: HostRun }) {
  return (
    <>
      <h3>Log</h3>
      {lines.length === 0 && <p class="quiet">The run logged nothing.</p>}
      <ol class="log">
        {lines.map(({ level, message, fields }, index) => (
          <li key={index}>
            <Pill tone={LEVEL_TONES[level] ?? 'quiet'}>{level}</Pill> <span>{message}</span>
            {fields && Object.keys(fields).length > 0 && <code class="quiet">{JSON.stringify(fields)}</code>}
          </li>
        ))}
      </ol>
      {linesLeft > 0 && <p class="quiet">{linesLeft} more lines are in the host’s log.</p>}
    </>
  );
}

function Effects({ run: { plugin, writes = [], emits = [] } }: { readonly run: HostRun }) {
  if (writes.length === 0 && emits.length === 0) return null;
  return (
    <>
      <h3>Effects</h3>
      <ul class="plain">
        {writes.map((key) => (
          <li key={key}>
            wrote{' '}
            <a href={href(['store', plugin], { key })}>
              <code>{key}</code>
            </a>
          </li>
        ))}
        {emits.map(({ id, subject }) => (
          <li key={id}>
            published <EventLink subject={subject} />
          </li>
        ))}
      </ul>
    </>
  );
}
