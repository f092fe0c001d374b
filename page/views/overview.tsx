import type { Overview, Problem } from '../../host/page/api';
import { Command, Empty, Skeleton } from '../components/feedback';
import { Icon } from '../components/icon';
import { Card, HandlerLink, ViewHead } from '../components/parts';
import { Sparkline } from '../components/sparkline';
import { handlerState, OutcomePill, StatePill } from '../components/state';
import { Time } from '../components/time';
import { count, duration, plural, rate } from '../lib/format';
import { overview, ring, runs, runsLeft, totals } from '../live';
import { href } from '../route';

const BUSIEST = 8;
const SHOWN_RUNS = 12;

/** The state of everything, and the problems of this moment. */
export function OverviewView() {
  const { value } = overview;
  if (!value) {
    return (
      <>
        <ViewHead title="Overview" />
        <Skeleton lines={8} />
      </>
    );
  }
  return (
    <>
      <ViewHead title="Overview" note={summary(value)} />
      <Tiles overview={value} />
      <Problems problems={value.problems} />
      {value.plugins.length === 0 ? (
        <Empty title="No plugin runs yet." command="npx jetplug new my-plugin">
          A plugin is a file in the plugins folder. The host loads it as soon as it is saved.
        </Empty>
      ) : (
        <div class="columns">
          <Busiest overview={value} />
          <LatestRuns />
        </div>
      )}
    </>
  );
}

function summary({ hosts, plugins, server }: Overview): string {
  const running = hosts.length === 0 ? 'No host runs' : `${plural(hosts.length, 'host')}: ${hosts.join(', ')}`;
  return `${running} · ${plural(plugins.length, 'plugin')} · NATS ${server.version} at ${server.url}`;
}

function Tiles({ overview: { plugins, deadLetters } }: { readonly overview: Overview }) {
  const now = totals(plugins.flatMap(({ handlers }) => handlers));
  return (
    <ul class="tiles">
      <Tile name="Handled" value={rate(now.handledPerS)} series="handled" />
      <Tile name="Failed" value={rate(now.failedPerS)} series="failed" tone={now.failedPerS > 0 ? 'bad' : 'quiet'} />
      <Tile name="Oldest wait" value={duration(now.lagMs)} series="lag" tone={now.lagMs > 60_000 ? 'warn' : 'accent'} />
      <Tile name="Waiting" value={count(now.pending)} series="pending" />
      <Tile
        name="Dead letters"
        value={count(deadLetters)}
        series="dead"
        tone={deadLetters > 0 ? 'bad' : 'quiet'}
        link={href(['dead'])}
      />
    </ul>
  );
}

interface TileProps {
  readonly name: string;
  readonly value: string;
  readonly series: string;
  readonly tone?: 'accent' | 'bad' | 'warn' | 'quiet';
  readonly link?: string;
}

function Tile({ name, value, series, tone = 'accent', link }: TileProps) {
  return (
    <li class={`tile tile-${tone}`}>
      <span class="tile-name">{link === undefined ? name : <a href={link}>{name}</a>}</span>
      <span class="tile-value num">{value}</span>
      <Sparkline values={ring(series)} label={`${name}, last minute`} tone={tone} width={180} height={34} />
    </li>
  );
}

function Problems({ problems }: { readonly problems: readonly Problem[] }) {
  if (problems.length === 0) {
    return (
      <p class="well">
        <Icon name="check" /> Nothing needs attention.
      </p>
    );
  }
  return (
    <Card title="Needs attention" aside={<span class="quiet">{plural(problems.length, 'problem')}</span>} isFlush>
      <ul class="problems">
        {problems.map((problem) => (
          <li key={problem.text} class={`problem problem-${problem.severity}`}>
            <Icon name={problem.severity} />
            <div class="problem-text">
              <span class="visually-hidden">{problem.severity}: </span>
              {problem.text}
              {problem.command && <Command text={problem.command} />}
            </div>
            {problem.link && (
              <a class="button button-small" href={problem.link} data-row aria-label={`Open: ${problem.text}`}>
                Open
              </a>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Busiest({ overview: { plugins } }: { readonly overview: Overview }) {
  const handlers = plugins
    .flatMap(({ plugin, handlers: own }) => own.map((handler) => ({ plugin, ...handler })))
    .sort((a, b) => (b.handledPerS ?? 0) - (a.handledPerS ?? 0) || a.plugin.localeCompare(b.plugin))
    .slice(0, BUSIEST);
  return (
    <Card title="Busiest handlers" aside={<a href={href(['plugins'])}>All plugins</a>} isFlush>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Handler</th>
            <th scope="col" class="wide-only">
              Last minute
            </th>
            <th scope="col" class="right">
              Rate
            </th>
            <th scope="col" class="right">
              p99
            </th>
            <th scope="col" class="right wide-only roomy-only">
              Waiting
            </th>
          </tr>
        </thead>
        <tbody>
          {handlers.map((handler) => {
            const name = `${handler.plugin}.${handler.handler}`;
            const state = handlerState(handler);
            return (
              <tr key={name}>
                <th scope="row">
                  <HandlerLink plugin={handler.plugin} handler={handler.handler} />{' '}
                  {state !== 'running' && <StatePill state={state} />}
                </th>
                <td class="wide-only">
                  <Sparkline values={ring(`rate ${name}`)} label={`Rate of ${name}, last minute`} />
                </td>
                <td class="right num">{rate(handler.handledPerS ?? 0)}</td>
                <td class="right num">{handler.p99Ms === undefined ? '–' : duration(handler.p99Ms)}</td>
                <td class="right num wide-only roomy-only">
                  {handler.pending === undefined ? '–' : count(handler.pending)}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Card>
  );
}

function LatestRuns() {
  const left = runsLeft.value;
  return (
    <Card
      title="Latest runs"
      aside={<span class="quiet">{left > 0 ? `a sample; ${rate(left)} more` : 'live'}</span>}
      isFlush
    >
      {runs.value.length === 0 ? (
        <Empty title="No run has ended since you opened the page." />
      ) : (
        <ul class="runs">
          {runs.value.slice(0, SHOWN_RUNS).map((run) => (
            <li key={`${run.plugin} ${run.handler} ${run.sequence} ${run.attempt} ${run.startedAtMs}`}>
              <a href={href(['trace'], { event: run.id })} data-row>
                <OutcomePill outcome={run.outcome} />
                <span class="run-name mono">
                  {run.plugin}.{run.handler}
                </span>
                <span class="run-about quiet">{run.about}</span>
                <span class="num quiet">{duration(run.tookMs)}</span>
                <span class="quiet run-time">
                  <Time at={run.startedAtMs} />
                </span>
              </a>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
