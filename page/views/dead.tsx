import { useEffect, useState } from 'preact/hooks';
import type { LetterFilter, LetterGroup, LetterGroups } from '../../host/page/api';
import { query, useApi } from '../api';
import { ChangeButton } from '../components/change-button';
import { Empty, Failure, Skeleton } from '../components/feedback';
import { Jobs } from '../components/jobs';
import { LetterChangeDialog } from '../components/letter-change';
import { HandlerLink, Search, ViewHead } from '../components/parts';
import { Bars } from '../components/sparkline';
import { Pill } from '../components/state';
import { Time } from '../components/time';
import { count, plural } from '../lib/format';
import { jobs, overview, pluginNames } from '../live';
import { href, route, setQuery } from '../route';
import { LetterList } from './letter-list';
import { LetterView } from './letter';

const FILTER_KEYS = ['group', 'plugin', 'handler', 'reason', 'q', 'since', 'before'] as const;

/** Dead letters: groups of one cause, the list of a filter, or one letter. */
export function DeadView() {
  const { path, query: chosen } = route.value;
  if (path[1] !== undefined) return <LetterView id={path[1]} key={path[1]} />;
  const filter: LetterFilter = Object.fromEntries(
    FILTER_KEYS.flatMap((key) => (chosen[key] ? [[key, chosen[key]]] : [])),
  );
  const isList = chosen['as'] === 'list' || filter.group !== undefined;
  return <Letters filter={filter} isList={isList} />;
}

function Letters({ filter, isList }: { readonly filter: LetterFilter; readonly isList: boolean }) {
  const { data, error, isLoading, reload } = useApi<LetterGroups>(query('/api/dead/groups', { ...filter }));
  const [change, setChange] = useState<'redrive' | 'drop'>();
  const [version, setVersion] = useState(0);
  const refresh = (): void => {
    reload();
    setVersion((before) => before + 1);
  };
  const ended = jobs.value.filter(({ state }) => state !== 'running').length;
  useEffect(() => {
    if (ended > 0) refresh();
  }, [ended]);
  const hasFilter = Object.keys(filter).length > 0;
  const total = data?.total;
  const now = overview.value?.deadLetters;
  // Letters come and go without a job of this page, and go only when the redriven events are settled.
  useEffect(() => {
    if (!isList && !hasFilter && total !== undefined && now !== undefined && total !== now) reload();
  }, [total, now, isList, hasFilter]);
  return (
    <>
      <ViewHead
        title="Dead letters"
        {...(filter.group !== undefined && { back: { href: href(['dead']), text: 'All groups' } })}
        note={
          total === undefined
            ? undefined
            : `${plural(total, 'letter')}${hasFilter ? ' match the filter' : ''}: events that no retry will help`
        }
      >
        {total !== undefined && total > 0 && (
          <>
            <ChangeButton icon="redrive" kind="primary" onClick={() => setChange('redrive')}>
              Redrive {hasFilter ? 'these' : 'all'} …
            </ChangeButton>
            <ChangeButton icon="drop" onClick={() => setChange('drop')}>
              Drop {hasFilter ? 'these' : 'all'} …
            </ChangeButton>
          </>
        )}
      </ViewHead>
      <Jobs />
      <FilterBar filter={filter} isList={isList} />
      {isList && !hasFilter && <Changed known={total} refresh={refresh} />}
      {error && <Failure error={error} retry={reload} />}
      {isLoading && !data && <Skeleton lines={6} />}
      {total === 0 && <NoLetters hasFilter={hasFilter} />}
      {data &&
        data.groups.length > 0 &&
        (isList ? <LetterList filter={filter} version={version} /> : <Groups groups={data.groups} filter={filter} />)}
      {change && (
        <LetterChangeDialog
          kind={change}
          change={{ filter }}
          about={hasFilter ? 'the letters of this filter' : 'all letters'}
          onClose={() => setChange(undefined)}
        />
      )}
    </>
  );
}

function NoLetters({ hasFilter }: { readonly hasFilter: boolean }) {
  return hasFilter ? (
    <Empty title="No letter matches the filter.">
      <a href={href(['dead'])}>Show all letters</a>
    </Empty>
  ) : (
    <Empty
      title="No dead letters. Every event was handled, or waits for a retry."
      command="npx jetplug tail --only failed"
    />
  );
}

/** Letters that have come or gone since the list was read. The list does not move by itself under a reader's hand. */
function Changed({ known, refresh }: { readonly known: number | undefined; readonly refresh: () => void }) {
  const now = overview.value?.deadLetters;
  const isWorking = jobs.value.some(({ state }) => state === 'running');
  if (known === undefined || now === undefined || now === known || isWorking) return null;
  const change = now > known ? plural(now - known, 'new letter') : `${plural(known - now, 'letter')} gone`;
  return (
    <p class="note note-warn arrived" role="status">
      {change} since this list was read.{' '}
      <button type="button" class="button button-small" onClick={refresh}>
        Read it again
      </button>
    </p>
  );
}

function FilterBar({ filter, isList }: { readonly filter: LetterFilter; readonly isList: boolean }) {
  return (
    <div class="filters">
      <div class="switch" role="group" aria-label="Show as">
        <button type="button" aria-pressed={!isList} onClick={() => setQuery({ as: undefined, group: undefined })}>
          Groups
        </button>
        <button type="button" aria-pressed={isList} onClick={() => setQuery({ as: 'list' })}>
          Letters
        </button>
      </div>
      <label class="select">
        <span class="visually-hidden">Plugin</span>
        <select
          class="input"
          value={filter.plugin ?? ''}
          onChange={(event) => setQuery({ plugin: event.currentTarget.value, handler: undefined })}
        >
          <option value="">All plugins</option>
          {[...new Set([...pluginNames.value, ...(filter.plugin ? [filter.plugin] : [])])].map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="select">
        <span class="visually-hidden">Failed since</span>
        <select
          class="input"
          value={filter.since ?? ''}
          onChange={(event) => setQuery({ since: event.currentTarget.value })}
        >
          <option value="">Any time</option>
          <option value="10m">Last 10 minutes</option>
          <option value="1h">Last hour</option>
          <option value="24h">Last day</option>
          <option value="7d">Last week</option>
        </select>
      </label>
      <Search label="Search errors and subjects" value={filter.q ?? ''} onInput={(q) => setQuery({ q })} />
    </div>
  );
}

/** One entry for each cause, the greatest first. */
function Groups({ groups, filter }: { readonly groups: readonly LetterGroup[]; readonly filter: LetterFilter }) {
  const [chosen, setChosen] = useState<LetterGroup>();
  return (
    <>
      <ul class="groups">
        {groups.map((group) => (
          <li key={`${group.fingerprint} ${group.plugin} ${group.handler}`} class="card group">
            <span class="group-count num">{count(group.count)}</span>
            <div class="group-text">
              <a class="group-error" href={href(['dead'], { group: group.fingerprint })} data-row>
                {group.error || group.reason}
              </a>
              <p class="quiet">
                <HandlerLink plugin={group.plugin} handler={group.handler} /> on{' '}
                <span class="mono">{group.subject}</span> <Pill tone="quiet">{group.reason}</Pill>
              </p>
              <p class="quiet">
                first <Time at={group.firstAt} />, last <Time at={group.lastAt} />
              </p>
            </div>
            <Bars counts={group.counts} label={`${plural(group.count, 'letter')} over time`} />
            <ChangeButton icon="redrive" onClick={() => setChosen(group)}>
              Redrive
              <span class="visually-hidden">
                {' '}
                the letters of {group.plugin}.{group.handler}: {group.error}
              </span>{' '}
              …
            </ChangeButton>
          </li>
        ))}
      </ul>
      {chosen && (
        <LetterChangeDialog
          kind="redrive"
          change={{ filter: { ...filter, group: chosen.fingerprint } }}
          about={`the group of ${chosen.plugin}.${chosen.handler}`}
          onClose={() => setChosen(undefined)}
        />
      )}
    </>
  );
}
