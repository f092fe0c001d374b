import { useMemo, useState } from 'preact/hooks';
import type { TraceView } from '../../host/page/api';
import { query, useApi } from '../api';
import { Empty, Failure, Skeleton } from '../components/feedback';
import { RunDetail } from '../components/run-detail';
import { ViewHead } from '../components/parts';
import { outcomeTone } from '../components/state';
import { duration, plural } from '../lib/format';
import { ticks, waterfall, type WaterfallRow } from '../lib/waterfall';
import { href, route, setQuery } from '../route';

const INDENT_PX = 14;

/** The tree of an event as a waterfall, with the chosen run beside it. */
export function TreeView({ event }: { readonly event: string }) {
  const { data, error, isLoading, reload } = useApi<TraceView>(query('/api/trace', { event }));
  const rows = useMemo(() => (data ? waterfall(data.trace) : []), [data]);
  const runs = rows.filter(({ run }) => run).length;
  const failed = rows.filter(({ run }) => run && outcomeTone(run.outcome) === 'bad').length;
  const chosen = rows.find(({ id }) => id === route.value.query['row']) ?? firstOfInterest(rows);
  return (
    <>
      <ViewHead
        title={data?.trace.root.subject ?? 'Trace'}
        back={{ href: href(['trace']), text: 'Search' }}
        note={
          data && (
            <>
              {plural(rows.length - runs, 'event')}, {plural(runs, 'run')}
              {failed > 0 && <span class="bad">, {failed} failed</span>},{' '}
              {duration(data.trace.endedAtMs - data.trace.startedAtMs)}
            </>
          )
        }
      />
      {error && <Failure error={error} retry={reload} />}
      {isLoading && !data && <Skeleton lines={8} />}
      {error?.status === 404 && (
        <Empty title="No run of this event is recorded." command={`npx jetplug fate ${event}`}>
          The event may still wait, or its records are older than the stream of runs keeps.
        </Empty>
      )}
      {data && (
        <>
          {data.trace.isPartial && (
            <p class="note note-warn">
              Only the failed runs of this tree are recorded: it is not in the sample that `tracing.sample` sets.
            </p>
          )}
          <div class="split split-trace">
            <Waterfall rows={rows} spanMs={data.trace.endedAtMs - data.trace.startedAtMs} chosen={chosen?.id} />
            <div class="detail">
              {chosen && <RunDetail key={chosen.id} row={chosen} payload={data.payloads[chosen.event.id]} />}
            </div>
          </div>
        </>
      )}
    </>
  );
}

/** A failed run is what a reader most often looks for. */
function firstOfInterest(rows: readonly WaterfallRow[]): WaterfallRow | undefined {
  return rows.find(({ run }) => run && outcomeTone(run.outcome) === 'bad') ?? rows.find(({ run }) => run) ?? rows[0];
}

interface WaterfallProps {
  readonly rows: readonly WaterfallRow[];
  readonly spanMs: number;
  readonly chosen: string | undefined;
}

/** More lines than this are shown only on demand. */
const MAX_ROWS = 500;

function Waterfall({ rows, spanMs, chosen }: WaterfallProps) {
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? rows : rows.slice(0, MAX_ROWS);
  return (
    <div class="card card-flush waterfall">
      <div class="wf-scale" aria-hidden="true">
        <span />
        <div>
          {ticks(spanMs).map((ms) => (
            <span key={ms} class="wf-tick num" style={{ left: `${(ms / Math.max(1, spanMs)) * 100}%` }}>
              {duration(ms)}
            </span>
          ))}
        </div>
      </div>
      <ol class="wf-rows" aria-label="Events and runs">
        {shown.map((row) => (
          <li key={row.id}>
            <button
              type="button"
              class="wf-row"
              data-row
              aria-current={row.id === chosen}
              onClick={() => setQuery({ row: row.id })}
            >
              <span class="wf-name" style={{ paddingLeft: `${row.depth * INDENT_PX}px` }}>
                {row.run ? <RunName row={row} /> : <EventName row={row} />}
              </span>
              <span class="wf-track">{row.run ? <Bar row={row} /> : <Dot row={row} />}</span>
            </button>
          </li>
        ))}
      </ol>
      {shown.length < rows.length && (
        <button type="button" class="button" onClick={() => setWhole(true)}>
          Show all {rows.length} lines
        </button>
      )}
    </div>
  );
}

function EventName({ row: { event } }: { readonly row: WaterfallRow }) {
  return (
    <>
      <span class="wf-mark" aria-hidden="true" />
      <span class="mono ellipsis">{event.subject ?? event.id}</span>
      {event.runs.length === 0 && <span class="quiet"> no run</span>}
    </>
  );
}

function RunName({ row: { run } }: { readonly row: WaterfallRow }) {
  const { plugin, handler, outcome, attempt } = run!;
  return (
    <>
      <span class="mono ellipsis">
        {plugin}.{handler}
      </span>
      {attempt > 1 && <span class="quiet"> #{attempt}</span>}
      {outcome !== 'handled' && <span class={`wf-outcome ${outcomeTone(outcome)}`}>{outcome}</span>}
    </>
  );
}

function Bar({ row: { waitFrom, start, end, run } }: { readonly row: WaterfallRow }) {
  const width = Math.max(0.004, end - start);
  const isLate = end > 0.85;
  return (
    <>
      <span class="wf-wait" style={{ left: percent(waitFrom), width: percent(start - waitFrom) }} />
      <span
        class={`wf-bar tone-${outcomeTone(run!.outcome)}`}
        style={{ left: percent(Math.min(start, 1 - width)), width: percent(width) }}
      />
      <span
        class="wf-took num"
        style={isLate ? { right: percent(1 - Math.min(start, 1 - width)) } : { left: percent(end) }}
      >
        {duration(run!.ranMs)}
      </span>
    </>
  );
}

function Dot({ row: { start } }: { readonly row: WaterfallRow }) {
  return <span class="wf-dot" style={{ left: percent(start) }} />;
}

function percent(fraction: number): string {
  return `${(Math.max(0, fraction) * 100).toFixed(2)}%`;
}
