import { useState } from 'preact/hooks';
import type { LiveHandler } from '../../host/page/api';
import type { ExplainedHandler } from '../types';
import { count, duration, exactTime, rate } from '../lib/format';
import { placesText } from '../lib/places';
import { ring } from '../live';
import { href } from '../route';
import { ChangeButton } from './change-button';
import { OptionRows } from './options';
import { Card, EventLink, Facts } from './parts';
import { PauseDialog, resume } from './pause';
import { Sparkline } from './sparkline';
import { handlerState, StatePill } from './state';
import { Time } from './time';

interface HandlerCardProps {
  readonly plugin: string;
  readonly handler: ExplainedHandler;
  /** The state of this second; absent for a handler that does not run. */
  readonly live: LiveHandler | undefined;
}

const WAITS = {
  durable: 'its durable consumer is gone and is not created again yet',
  refused: 'its durable consumer cannot be used',
  circuit: 'its circuit is open: every event failed, so only probes run',
  order: 'too many events wait for an earlier one of their key',
  log: 'the commit log of its plugin cannot be used',
  process: 'no process of its plugin runs',
} as const;

export function HandlerCard({ plugin, handler, live }: HandlerCardProps) {
  const [isPausing, setPausing] = useState(false);
  const now = live ?? handler;
  const name = `${plugin}.${handler.handler}`;
  return (
    <Card
      title={handler.handler}
      aside={
        <div class="actions">
          <StatePill state={handlerState(now)} />
          {now.state === 'paused' ? (
            <ChangeButton icon="play" onClick={() => resume(plugin, handler.handler)}>
              Resume<span class="visually-hidden"> {name}</span>
            </ChangeButton>
          ) : (
            <ChangeButton icon="pause" disabled={!live} onClick={() => setPausing(true)}>
              Pause<span class="visually-hidden"> {name}</span>
            </ChangeButton>
          )}
        </div>
      }
    >
      <Trouble now={now} />
      <ul class="tiles tiles-small">
        <Figure name="Rate" value={rate(live?.handledPerS ?? 0)} series={`rate ${name}`} />
        <Figure name="p99" value={live?.p99Ms === undefined ? '–' : duration(live.p99Ms)} series={`p99 ${name}`} />
        <Figure name="Lag" value={live?.lagMs === undefined ? '–' : duration(live.lagMs)} series={`lag ${name}`} />
      </ul>
      <Facts
        facts={[
          ['Event', <EventLink subject={handler.subject} />],
          ['Stream', handler.stream],
          ['Durable', <code>{handler.durable}</code>],
          ['Method', `${handler.method}, line ${handler.line}`],
          ['Runs on', placesText(now)],
          ['Waiting', now.pending === undefined ? undefined : count(now.pending)],
          ['In flight', now.inFlight === undefined ? undefined : count(now.inFlight)],
          ['Handled', count(now.handled)],
          ['Failed', count(now.failed)],
          ['Retried', count(now.retried)],
          [
            'Dead letters',
            now.deadLettered === 0 ? (
              '0'
            ) : (
              <a href={href(['dead'], { plugin, handler: handler.handler })}>{count(now.deadLettered)}</a>
            ),
          ],
          ['Conflicts', now.conflicts === 0 ? undefined : count(now.conflicts)],
          ['Most conflicts on', now.conflictKey && <code>{now.conflictKey.key}</code>],
        ]}
      />
      <details class="details">
        <summary>Options and where each came from</summary>
        <OptionRows label={`Options of ${name}`} options={handler.options} />
      </details>
      {isPausing && <PauseDialog plugin={plugin} handler={handler.handler} onClose={() => setPausing(false)} />}
    </Card>
  );
}

function Figure({ name, value, series }: { readonly name: string; readonly value: string; readonly series: string }) {
  return (
    <li class="tile">
      <span class="tile-name">{name}</span>
      <span class="tile-value num">{value}</span>
      <Sparkline values={ring(series)} label={`${name}, last minute`} width={180} height={28} />
    </li>
  );
}

/** The reasons why the handler takes no events, and its last error. */
function Trouble({
  now,
}: {
  readonly now: Pick<ExplainedHandler, 'waitsFor' | 'reason' | 'outage' | 'pausedUntil' | 'drift' | 'lastError'>;
}) {
  const { waitsFor, reason, outage, pausedUntil, drift, lastError } = now;
  return (
    <>
      {waitsFor && (
        <p class="note note-bad">
          The handler waits: {reason ?? outage?.reason ?? WAITS[waitsFor]}
          {outage && (
            <>
              {' '}
              (since <Time at={outage.since} />)
            </>
          )}
        </p>
      )}
      {pausedUntil && (
        <p class="note note-warn">
          Paused {pausedUntil.startsWith('9999') ? 'until somebody resumes it' : `until ${exactTime(pausedUntil)}`}.
        </p>
      )}
      {drift && drift.length > 0 && (
        <p class="note note-warn">The durable was changed on the server: {drift.join(', ')}.</p>
      )}
      {lastError && (
        <p class="note">
          Last error: <span class="mono">{lastError}</span>
        </p>
      )}
    </>
  );
}
