import { useSignal } from '@preact/signals';
import { ChangeButton } from '../components/change-button';
import { Empty, Skeleton } from '../components/feedback';
import { Search, ViewHead } from '../components/parts';
import { PauseDialog, resume } from '../components/pause';
import { Sparkline } from '../components/sparkline';
import { StatePill, stateOf } from '../components/state';
import { useNarrow, VirtualList, type RowAttributes } from '../components/virtual-list';
import { count, duration, plural, rate } from '../lib/format';
import { overview, pluginNames, pluginSignal, ring, totals } from '../live';
import { href, route, setQuery } from '../route';

const COLUMNS = ['Plugin', 'State', 'Rate', 'p99', 'Waiting', 'Lag', 'Failed', { hidden: 'Actions' }];

/** All plugins: one row each. A row renders again when its own plugin has news. */
export function PluginsView() {
  const isNarrow = useNarrow();
  const paused = useSignal<string | undefined>(undefined);
  const { q = '', state = '' } = route.value.query;
  const isKnown = overview.value !== undefined;
  const names = pluginNames.value.filter((name) => matches(name, q, state)).toSorted(byUrgency);
  return (
    <>
      <ViewHead title="Plugins" note={isKnown ? plural(pluginNames.value.length, 'plugin') : undefined}>
        <label class="select">
          <span class="visually-hidden">State</span>
          <select class="input" value={state} onChange={(event) => setQuery({ state: event.currentTarget.value })}>
            <option value="">All states</option>
            <option value="trouble">With problems</option>
            <option value="paused">Paused</option>
            <option value="running">Running</option>
          </select>
        </label>
        <Search label="Search plugins" value={q} onInput={(text) => setQuery({ q: text })} />
      </ViewHead>
      {!isKnown && <Skeleton lines={8} />}
      {isKnown && pluginNames.value.length === 0 && (
        <Empty title="No plugin runs yet." command="npx jetplug new my-plugin">
          Save a file in the plugins folder, and it appears here.
        </Empty>
      )}
      {isKnown && pluginNames.value.length > 0 && names.length === 0 && <Empty title="No plugin matches." />}
      {names.length > 0 && (
        <VirtualList
          label="Plugins"
          count={names.length}
          rowHeight={isNarrow ? 84 : 56}
          columns={COLUMNS}
          layout="cols-plugins"
          row={(index, attributes) => (
            <PluginRow
              {...attributes}
              key={names[index]!}
              name={names[index]!}
              attributes={attributes}
              onPause={(name) => (paused.value = name)}
            />
          )}
        />
      )}
      {paused.value !== undefined && <PauseDialog plugin={paused.value} onClose={() => (paused.value = undefined)} />}
    </>
  );
}

function matches(name: string, q: string, state: string): boolean {
  const plugin = pluginSignal(name)?.peek();
  if (!plugin) return false;
  const text = [name, ...plugin.handlers.map(({ subject }) => subject)].join(' ').toLowerCase();
  if (!text.includes(q.toLowerCase())) return false;
  const now = stateOf(plugin);
  switch (state) {
    case 'trouble':
      return now !== 'running' && now !== 'disabled';
    case 'paused':
      return now.endsWith('paused');
    case 'running':
      return now === 'running';
    default:
      return true;
  }
}

/** Those with problems first. The order among the others stays, so that no row moves while somebody reads it. */
function byUrgency(a: string, b: string): number {
  const isWell = (name: string): number => {
    const plugin = pluginSignal(name)?.peek();
    return plugin && stateOf(plugin) === 'running' ? 1 : 0;
  };
  return isWell(a) - isWell(b) || a.localeCompare(b);
}

interface RowProps {
  readonly name: string;
  readonly attributes: RowAttributes;
  readonly onPause: (name: string) => void;
}

function PluginRow({ name, attributes, onPause }: RowProps) {
  const plugin = pluginSignal(name)?.value;
  if (!plugin) return null;
  const { key: _, ...rest } = attributes;
  const now = totals(plugin.handlers);
  const failed = plugin.handlers.reduce((sum, handler) => sum + handler.failed, 0);
  const error = plugin.error?.message ?? plugin.handlers.find(({ lastError }) => lastError)?.lastError;
  const isPaused = plugin.handlers.some(({ state }) => state === 'paused');
  return (
    <div {...rest} data-row tabIndex={0}>
      <span role="gridcell" class="cell-name">
        <a href={href(['plugins', name])} class="strong" tabIndex={-1}>
          {name}
        </a>
        <span class="quiet ellipsis">{error ?? plugin.version ?? ''}</span>
      </span>
      <span role="gridcell" class="cell-state">
        <StatePill state={stateOf(plugin)} />
      </span>
      <span role="gridcell" class="cell-spark">
        <Sparkline values={ring(`rate ${name}`)} label={`Rate of ${name}, last minute`} />
        <span class="num">{rate(now.handledPerS)}</span>
      </span>
      <span role="gridcell" class="cell-spark cell-p99">
        <Sparkline values={ring(`p99 ${name}`)} label={`p99 of ${name}, last minute`} tone="quiet" />
        <span class="num">{now.p99Ms === 0 ? '–' : duration(now.p99Ms)}</span>
      </span>
      <span role="gridcell" class="num right cell-pending">
        {count(now.pending)}
      </span>
      <span role="gridcell" class={`num right cell-lag ${now.lagMs > 60_000 ? 'warn' : ''}`}>
        {duration(now.lagMs)}
      </span>
      <span role="gridcell" class={`num right cell-failed ${failed > 0 ? 'bad' : 'quiet'}`}>
        {count(failed)}
      </span>
      <span role="gridcell" class="cell-act">
        {plugin.handlers.length > 0 && (
          <ChangeButton icon={isPaused ? 'play' : 'pause'} onClick={() => (isPaused ? resume(name) : onPause(name))}>
            <span class="visually-hidden">{isPaused ? `Resume ${name}` : `Pause ${name}`}</span>
          </ChangeButton>
        )}
      </span>
    </div>
  );
}
