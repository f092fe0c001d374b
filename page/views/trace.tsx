import { useState } from 'preact/hooks';
import type { FoundEvents } from '../../host/page/api';
import { query, useApi } from '../api';
import { Empty, Failure, Skeleton } from '../components/feedback';
import { Icon } from '../components/icon';
import { ViewHead } from '../components/parts';
import { Time } from '../components/time';
import { go, href, route } from '../route';
import { TreeView } from './trace-tree';

/** The search for events, or the tree of one. */
export function TraceView() {
  const { event, where, subject, since } = route.value.query;
  if (event) return <TreeView event={event} key={event} />;
  const hasSearch = Boolean(where ?? subject ?? since);
  return (
    <>
      <ViewHead title="Trace" note="Follow an event through every handler, and the events that came of it" />
      <SearchForm />
      {hasSearch ? (
        <Results path={query('/api/find', { where, subject, since, limit: 50 })} />
      ) : (
        <Empty title="Search for an event." command="npx jetplug trace EVENTS:1">
          An id opens its tree at once. A field, a subject or a time lists the events that match.
        </Empty>
      )}
    </>
  );
}

function SearchForm() {
  const { where = '', subject = '', since = '' } = route.value.query;
  const [text, setText] = useState(where);
  const [onSubject, setSubject] = useState(subject);
  const [inTime, setTime] = useState(since);
  const submit = (event: Event): void => {
    event.preventDefault();
    const term = text.trim();
    if (term !== '' && !term.includes('=')) return go(href(['trace'], { event: term }));
    go(
      href(['trace'], {
        where: term,
        subject: onSubject.trim(),
        since: inTime || (term === '' && onSubject === '' ? '1h' : ''),
      }),
    );
  };
  return (
    <form class="card search-form" onSubmit={submit} role="search">
      <label class="field grow">
        <span class="field-label">Id, place or field</span>
        <input
          class="input mono"
          data-search
          value={text}
          placeholder="EVENTS:42, an id, or user_id=u1"
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span class="field-label">Subject</span>
        <input
          class="input mono"
          value={onSubject}
          placeholder="video.>"
          onInput={(event) => setSubject(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span class="field-label">Time</span>
        <select class="input" value={inTime} onChange={(event) => setTime(event.currentTarget.value)}>
          <option value="">Any</option>
          <option value="10m">Last 10 minutes</option>
          <option value="1h">Last hour</option>
          <option value="24h">Last day</option>
        </select>
      </label>
      <button type="submit" class="button button-primary">
        <Icon name="search" />
        Search
      </button>
    </form>
  );
}

function Results({ path }: { readonly path: string }) {
  const { data, error, isLoading, reload } = useApi<FoundEvents>(path);
  if (error) return <Failure error={error} retry={reload} />;
  if (!data) return isLoading ? <Skeleton lines={6} /> : null;
  if (data.events.length === 0) {
    return (
      <Empty title="No stored event matches.">
        A stream may have dropped it already. Try a longer time, or another field.
      </Empty>
    );
  }
  return (
    <div class="card card-flush">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Event</th>
            <th scope="col">Subject</th>
            <th scope="col" class="wide-only">
              Payload
            </th>
            <th scope="col">Stored</th>
          </tr>
        </thead>
        <tbody>
          {data.events.map(({ id, subject, stream, sequence, time, payload }) => (
            <tr key={`${stream}:${sequence}`}>
              <th scope="row">
                <a href={href(['trace'], { event: id })} class="mono" data-row>
                  {stream}:{sequence}
                </a>
              </th>
              <td class="mono">{subject}</td>
              <td class="mono quiet ellipsis wide-only">{JSON.stringify(payload)}</td>
              <td class="quiet">
                <Time at={time} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {!data.complete && <p class="card-note quiet">There are more. Narrow the search to see them.</p>}
    </div>
  );
}
