import { useCallback, useState } from 'preact/hooks';
import type { KeyHistory, StorePage } from '../../host/page/api';
import { query, useApi } from '../api';
import { Empty, Failure, Skeleton } from '../components/feedback';
import { Json } from '../components/json';
import { usePaged } from '../components/paged';
import { Card, HandlerLink, Search, ViewHead } from '../components/parts';
import { Time } from '../components/time';
import { VirtualList } from '../components/virtual-list';
import { count as countText, plural } from '../lib/format';
import { overview, pluginNames } from '../live';
import { href, route, setQuery } from '../route';

type Entry = StorePage['entries'][number];

/** Plugins, the keys of their stores, and the values with their history. */
export function StoreView() {
  const [, plugin] = route.value.path;
  return plugin === undefined ? <Stores /> : <Store plugin={plugin} key={plugin} />;
}

function Stores() {
  return (
    <>
      <ViewHead title="Store" note="Each plugin has a store of its own. Choose one." />
      {!overview.value && <Skeleton />}
      {overview.value && pluginNames.value.length === 0 && (
        <Empty title="No plugin runs, so there is no store to show." command="npx jetplug store badge" />
      )}
      <ul class="choices">
        {pluginNames.value.map((name) => (
          <li key={name}>
            <a class="card choice" href={href(['store', name])} data-row>
              <span class="strong">{name}</span>
              <code class="quiet">jetplug-{name}</code>
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

const read = ({ entries, ...page }: StorePage) => ({ rows: entries, ...page });

function Store({ plugin }: { readonly plugin: string }) {
  const { q = '', key } = route.value.query;
  const path = query(`/api/store/${encodeURIComponent(plugin)}`, { q });
  const { count, total, row, isLoading, error, onRange, reload } = usePaged<Entry, StorePage>(path, read);
  const [chosen, setChosen] = useState<Entry>();
  const choose = useCallback((entry: Entry) => {
    setChosen(entry);
    setQuery({ key: entry.key });
  }, []);
  return (
    <>
      <ViewHead
        title={plugin}
        back={{ href: href(['store']), text: 'Stores' }}
        note={total === undefined ? undefined : plural(total, 'key')}
      >
        <Search label="Search keys" value={q} onInput={(text) => setQuery({ q: text })} />
      </ViewHead>
      {error && <Failure error={error} retry={reload} />}
      {isLoading && <Skeleton lines={8} />}
      {!isLoading && !error && count === 0 && (
        <Empty title={q === '' ? 'The store is empty.' : 'No key matches.'} command={`npx jetplug store ${plugin}`}>
          A key appears when a handler of the plugin writes it.
        </Empty>
      )}
      {count > 0 && (
        <div class="split">
          <VirtualList
            label={`Keys of ${plugin}`}
            count={count}
            {...(total !== undefined && { total })}
            rowHeight={44}
            columns={['Key', 'Value']}
            layout="cols-store"
            onRange={onRange}
            row={(index, { key: id, ...attributes }) => {
              const entry = row(index);
              return (
                <div {...attributes} key={id} data-row tabIndex={0} aria-selected={entry?.key === key}>
                  <span role="gridcell" class="ellipsis">
                    {entry ? (
                      <a
                        href={href(['store', plugin], { q, key: entry.key })}
                        class="mono"
                        tabIndex={-1}
                        onClick={(event) => {
                          event.preventDefault();
                          choose(entry);
                        }}
                      >
                        {entry.key}
                      </a>
                    ) : (
                      <span class="skeleton-line" />
                    )}
                  </span>
                  <span role="gridcell" class="mono quiet ellipsis">
                    {entry && JSON.stringify(entry.value)}
                  </span>
                </div>
              );
            }}
          />
          <div class="detail" aria-live="polite">
            {key === undefined ? (
              <Empty title="Choose a key to see its value and its history." />
            ) : (
              <Key plugin={plugin} name={key} entry={chosen?.key === key ? chosen : undefined} />
            )}
          </div>
        </div>
      )}
    </>
  );
}

interface KeyProps {
  readonly plugin: string;
  readonly name: string;
  readonly entry: Entry | undefined;
}

function Key({ plugin, name, entry }: KeyProps) {
  const { data, error, isLoading, reload } = useApi<KeyHistory>(
    query(`/api/store/${encodeURIComponent(plugin)}/blame`, { key: name, limit: 20 }),
  );
  const value = entry ? entry.value : data?.changes[0]?.value;
  return (
    <Card title={name}>
      {(entry ?? data) && <Json value={value} label={`Value of ${name}`} />}
      <h3>History</h3>
      {error && <Failure error={error} retry={reload} />}
      {isLoading && !data && <Skeleton lines={4} />}
      {data?.changes.length === 0 && <p class="quiet">No change of this key is recorded.</p>}
      <ol class="history">
        {data?.changes.map((change, index) => (
          <li key={index}>
            <div class="history-head">
              {change.time !== undefined && <Time at={change.time} />}
              {change.handler !== undefined && <HandlerLink plugin={plugin} handler={change.handler} />}
              {change.by !== undefined && <span>{change.by}</span>}
              {change.event !== undefined && <a href={href(['trace'], { event: change.event })}>event</a>}
              {change.version !== undefined && <code class="quiet">{change.version}</code>}
            </div>
            <code class="history-value">{change.value === undefined ? 'deleted' : JSON.stringify(change.value)}</code>
          </li>
        ))}
      </ol>
      {data?.isCut && (
        <p class="quiet">Older changes are not kept. The newest {countText(data.changes.length)} are shown.</p>
      )}
    </Card>
  );
}
