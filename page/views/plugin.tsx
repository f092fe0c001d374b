import { useState } from 'preact/hooks';
import type { PluginView as View } from '../../host/page/api';
import type { ExplainedPlugin } from '../types';
import { useApi } from '../api';
import { ChangeButton } from '../components/change-button';
import { Empty, Failure, Skeleton } from '../components/feedback';
import { HandlerCard } from '../components/handler-card';
import { Card, Facts, ViewHead } from '../components/parts';
import { PauseDialog, resume } from '../components/pause';
import { OptionTable } from '../components/options';
import { Pill, StatePill, stateOf } from '../components/state';
import { Time } from '../components/time';
import { bytes, duration, shortPath } from '../lib/format';
import { overview, pluginSignal } from '../live';
import { href } from '../route';

const RELOAD_TONES = {
  loaded: 'good',
  swapped: 'good',
  failed: 'bad',
  refused: 'bad',
  'rolled-back': 'bad',
  removed: 'quiet',
} as const;

/** One plugin: its handlers, its options and where each came from, its reloads, its source. */
export function PluginView({ name }: { readonly name: string }) {
  const { data, error, isLoading, reload } = useApi<View>(`/api/plugins/${encodeURIComponent(name)}`);
  const [isPausing, setPausing] = useState(false);
  const live = overview.value && pluginSignal(name)?.value;
  const isPaused = live?.handlers.some(({ state }) => state === 'paused') ?? false;
  const [explained] = data?.explained ?? [];
  return (
    <>
      <ViewHead
        title={
          <>
            {name} {live && <StatePill state={stateOf(live)} />}
          </>
        }
        back={{ href: href(['plugins']), text: 'Plugins' }}
        note={explained?.description}
      >
        {live && live.handlers.length > 0 && (
          <>
            {isPaused && (
              <ChangeButton icon="play" onClick={() => resume(name)}>
                Resume
              </ChangeButton>
            )}
            <ChangeButton icon="pause" onClick={() => setPausing(true)}>
              Pause
            </ChangeButton>
          </>
        )}
        <a class="button" href={href(['dead'], { plugin: name })}>
          Dead letters
        </a>
        <a class="button" href={href(['store', name])}>
          Store
        </a>
      </ViewHead>
      {error && <Failure error={error} retry={reload} />}
      {isLoading && !data && <Skeleton lines={8} />}
      {data?.explained.length === 0 && (
        <Empty title={`There is no plugin ${name}.`} command="npx jetplug plugins">
          It may have been removed or renamed.
        </Empty>
      )}
      {data?.explained.map((plugin) => (
        <Explained key={plugin.file} plugin={plugin} source={plugin === explained ? data.source : undefined} />
      ))}
      {isPausing && <PauseDialog plugin={name} onClose={() => setPausing(false)} />}
    </>
  );
}

interface ExplainedProps {
  readonly plugin: ExplainedPlugin;
  readonly source: View['source'] | undefined;
}

function Explained({ plugin, source }: ExplainedProps) {
  const live = pluginSignal(plugin.plugin)?.value;
  const errors = plugin.errors ?? (plugin.error ? [plugin.error] : []);
  return (
    <>
      {errors.map((error) => (
        <Failure key={error.message} error={error} />
      ))}
      <Card title="Plugin">
        <Facts
          facts={[
            [
              'File',
              <code title={plugin.file}>
                {shortPath(plugin.file)}
                {plugin.line !== undefined && `:${plugin.line}`}
              </code>,
            ],
            ['Version', plugin.version && <code>{plugin.version}</code>],
            ['Class', plugin.class && <code>{plugin.class}</code>],
            ['Disabled by', plugin.disabledBy && <code>{plugin.disabledBy.key}</code>],
            ['Uncaught errors', plugin.faults.lateErrors > 0 ? plugin.faults.lateErrors : undefined],
            ['Blocked the event loop', plugin.faults.blocks > 0 ? `${plugin.faults.blocks} times` : undefined],
            ['Processes', processesOf(plugin)],
          ]}
        />
        {plugin.injected.length > 0 && (
          <Facts
            facts={plugin.injected.map(({ name, type, got }) => [`${name ?? 'parameter'}: ${type}`, got] as const)}
          />
        )}
      </Card>
      {plugin.handlers.map((handler) => (
        <HandlerCard
          key={handler.durable}
          plugin={plugin.plugin}
          handler={handler}
          live={live?.handlers.find(({ durable }) => durable === handler.durable)}
        />
      ))}
      {plugin.isolation && <OptionTable title="Isolation" options={plugin.isolation} />}
      {source && <Source source={source} />}
      <Reloads reloads={live?.reloads ?? plugin.reloads} />
    </>
  );
}

function processesOf({ processes }: ExplainedPlugin): string | undefined {
  return processes
    ?.map(({ state, pid, restarts, residentBytes }) =>
      [
        pid === undefined ? state : `pid ${pid} ${state}`,
        residentBytes !== undefined && bytes(residentBytes),
        restarts > 0 && `${restarts} restarts`,
      ]
        .filter(Boolean)
        .join(', '),
    )
    .join('; ');
}

function Source({ source: { file, firstLine, lines, failingLine } }: { readonly source: NonNullable<View['source']> }) {
  return (
    <Card
      title="Source"
      aside={
        <code class="quiet" title={file}>
          {shortPath(file)}
        </code>
      }
      isFlush
    >
      <pre class="code source" tabIndex={0} role="region" aria-label={`Source of ${shortPath(file)}`}>
        {lines.map((line, index) => {
          const number = firstLine + index;
          return (
            <span key={number} class={number === failingLine ? 'source-line source-failing' : 'source-line'}>
              <span class="source-number">{number}</span>
              {number === failingLine && <span class="visually-hidden">failing line: </span>}
              {line}
              {'\n'}
            </span>
          );
        })}
      </pre>
    </Card>
  );
}

function Reloads({ reloads }: Pick<ExplainedPlugin, 'reloads'>) {
  if (reloads.length === 0) return null;
  return (
    <Card title="Reloads" isFlush>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Outcome</th>
            <th scope="col">Version</th>
            <th scope="col" class="right">
              Took
            </th>
            <th scope="col">Error</th>
          </tr>
        </thead>
        <tbody>
          {reloads.toReversed().map(({ outcome, time, tookMs, version, error }) => (
            <tr key={time}>
              <td>
                <Time at={time} />
              </td>
              <td>
                <Pill tone={RELOAD_TONES[outcome]}>{outcome}</Pill>
              </td>
              <td>{version && <code>{version}</code>}</td>
              <td class="right num">{duration(tookMs)}</td>
              <td>{error?.message}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
