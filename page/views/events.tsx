import { useMemo, useState } from 'preact/hooks';
import type { CatalogueEvent, EventCatalogue, EventSamples } from '../../host/page/api';
import { query, useApi } from '../api';
import { ChangeButton } from '../components/change-button';
import { Empty, Failure, Skeleton } from '../components/feedback';
import { Json, JsonEditor, parseJson, SchemaTable } from '../components/json';
import { Card, HandlerLink, Search, ViewHead } from '../components/parts';
import { PublishDialog, Receivers, useCheck } from '../components/publish';
import { Time } from '../components/time';
import { count, plural } from '../lib/format';
import { sampleOf } from '../lib/schema';
import { href, route, setQuery } from '../route';

/** The catalogue of events, and one event: its contract, its newest samples, and a form to publish it. */
export function EventsView() {
  const { data, error, isLoading, reload } = useApi<EventCatalogue>('/api/events');
  const [, subject] = route.value.path;
  const event = data?.events.find((each) => each.subject === subject);
  if (event) return <EventView event={event} key={event.subject} />;
  return (
    <>
      <ViewHead title="Events" note={data && plural(data.events.length, 'event')}>
        <Search label="Search events" value={route.value.query['q'] ?? ''} onInput={(q) => setQuery({ q })} />
      </ViewHead>
      {error && <Failure error={error} retry={reload} />}
      {isLoading && !data && <Skeleton lines={8} />}
      {data && subject !== undefined && (
        <Empty title={`The catalogue has no event ${subject}.`}>
          No plugin that runs publishes it or subscribes to it.
        </Empty>
      )}
      {data?.events.length === 0 && (
        <Empty title="No event is known yet." command="npx jetplug new my-plugin">
          The catalogue is made from the contracts of the plugins.
        </Empty>
      )}
      {data && data.events.length > 0 && <Catalogue events={data.events} />}
    </>
  );
}

function Catalogue({ events }: EventCatalogue) {
  const q = (route.value.query['q'] ?? '').toLowerCase();
  const shown = events.filter(({ subject, description = '' }) => `${subject} ${description}`.toLowerCase().includes(q));
  if (shown.length === 0) return <Empty title="No event matches." />;
  return (
    <div class="card card-flush">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Event</th>
            <th scope="col" class="wide-only">
              Published by
            </th>
            <th scope="col">Received by</th>
            <th scope="col" class="right">
              Stored
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ subject, description, publishers, subscribers, stored }) => (
            <tr key={subject}>
              <th scope="row">
                <a href={href(['events', subject])} class="mono strong" data-row>
                  {subject}
                </a>
                {description && <span class="block quiet">{description}</span>}
              </th>
              <td class="wide-only">
                {publishers.length === 0 ? <span class="quiet">outside</span> : publishers.join(', ')}
              </td>
              <td>
                {subscribers.length === 0 ? (
                  <span class="quiet">nobody</span>
                ) : (
                  subscribers.map(({ plugin }) => plugin).join(', ')
                )}
              </td>
              <td class="right num">{stored === undefined ? '–' : count(stored)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function EventView({ event }: { readonly event: CatalogueEvent }) {
  const { subject, description, schema, publishers, subscribers } = event;
  const { data, error, isLoading, reload } = useApi<EventSamples>(query('/api/events/samples', { subject, limit: 20 }));
  return (
    <>
      <ViewHead title={subject} back={{ href: href(['events']), text: 'Events' }} note={description} />
      <div class="columns">
        <div>
          <Card title="Publishers and subscribers">
            <p>
              Published by{' '}
              {publishers.length === 0
                ? 'programs outside the host'
                : publishers.map((plugin, index) => (
                    <span key={plugin}>
                      {index > 0 && ', '}
                      <a href={href(['plugins', plugin])}>{plugin}</a>
                    </span>
                  ))}
              .
            </p>
            {subscribers.length === 0 ? (
              <p>No handler subscribes to it.</p>
            ) : (
              <>
                <h3>Received by</h3>
                <ul class="plain">
                  {subscribers.map((each) => (
                    <li key={`${each.plugin}.${each.handler}`}>
                      <HandlerLink {...each} />
                    </li>
                  ))}
                </ul>
              </>
            )}
          </Card>
          <Card title="Contract">
            {schema ? <SchemaTable schema={schema} /> : <p class="quiet">No contract is known.</p>}
          </Card>
        </div>
        <div>
          {(data ?? error) && <PublishForm event={event} newest={data?.samples[0]?.payload} />}
          <Card
            title="Newest events"
            aside={data && <span class="quiet">{plural(data.samples.length, 'sample')}, secrets masked</span>}
          >
            {error && <Failure error={error} retry={reload} />}
            {isLoading && !data && <Skeleton lines={4} />}
            {data?.samples.length === 0 && (
              <Empty title="No event of this subject is stored." command={`npx jetplug publish ${subject}`} />
            )}
            {data?.samples.map((sample) => (
              <details class="details" key={sample.sequence}>
                <summary>
                  <span class="mono">
                    {sample.stream}:{sample.sequence}
                  </span>{' '}
                  <span class="quiet">
                    <Time at={sample.time} />
                  </span>
                </summary>
                <Json value={sample.payload} label={`Payload of ${sample.stream}:${sample.sequence}`} />
                <a href={href(['trace'], { event: sample.id })}>Trace this event</a>
              </details>
            ))}
          </Card>
        </div>
      </div>
    </>
  );
}

interface PublishFormProps {
  readonly event: CatalogueEvent;
  readonly newest: unknown;
}

/** Begins with the contract's shape: the newest event's secrets are masked, so it is no event to publish again. */
function PublishForm({ event: { subject, schema }, newest }: PublishFormProps) {
  const [text, setText] = useState(() => JSON.stringify(schema ? sampleOf(schema) : (newest ?? {}), null, 2));
  const [isAsking, setAsking] = useState(false);
  const { check, error } = useCheck(subject, text);
  const { value, error: syntax } = useMemo(() => parseJson(text), [text]);
  return (
    <Card title="Publish one">
      <JsonEditor label="Payload" text={text} onInput={setText} faults={check?.faults ?? []} rows={8} />
      {check && <Receivers check={check} />}
      {error && <Failure error={error} />}
      <div class="dialog-actions">
        <ChangeButton
          kind="primary"
          icon="events"
          disabled={syntax !== undefined || !check || check.faults.length > 0}
          onClick={() => setAsking(true)}
        >
          Publish …
        </ChangeButton>
      </div>
      {isAsking && <PublishDialog subject={subject} payload={value} onClose={() => setAsking(false)} />}
    </Card>
  );
}
