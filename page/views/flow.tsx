import { useMemo, useState } from 'preact/hooks';
import type { Flow, LiveHandler } from '../../host/page/api';
import { useApi } from '../api';
import { Empty, Failure, Skeleton } from '../components/feedback';
import { Card, HandlerLink, Search, ViewHead } from '../components/parts';
import { StatePill, handlerState } from '../components/state';
import { useNarrow } from '../components/virtual-list';
import { layoutFlow, NODE, type FlowEdge, type FlowLayout, type FlowNode } from '../lib/flow-layout';
import { plural, rate } from '../lib/format';
import { overview, pluginSignal } from '../live';
import { href, route, setQuery } from '../route';

/** Which events go from whom to whom. */
export function FlowView() {
  const { data, error, isLoading, reload } = useApi<Flow>('/api/flow');
  const isNarrow = useNarrow();
  const { q = '', as } = route.value.query;
  const isTable = as === undefined ? isNarrow : as === 'table';
  const flow = useMemo(() => data && filtered(data, q), [data, q]);
  return (
    <>
      <ViewHead
        title="Flow"
        note={data && `${plural(data.events.length, 'event')} between publishers and subscribers, from their contracts`}
      >
        <div class="switch" role="group" aria-label="Show as">
          {(['picture', 'table'] as const).map((kind) => (
            <button
              type="button"
              key={kind}
              aria-pressed={isTable === (kind === 'table')}
              onClick={() => setQuery({ as: kind })}
            >
              {kind === 'table' ? 'Table' : 'Picture'}
            </button>
          ))}
        </div>
        <Search label="Search events and plugins" value={q} onInput={(text) => setQuery({ q: text })} />
      </ViewHead>
      {error && <Failure error={error} retry={reload} />}
      {isLoading && !data && <Skeleton lines={8} />}
      {data?.events.length === 0 && (
        <Empty title="No contract is known yet." command="npx jetplug new my-plugin">
          A plugin that subscribes to an event, or publishes one, appears here.
        </Empty>
      )}
      {flow?.events.length === 0 && data!.events.length > 0 && <Empty title="Nothing matches." />}
      {flow && flow.events.length > 0 && (isTable ? <FlowTable flow={flow} /> : <Picture flow={flow} />)}
    </>
  );
}

function filtered({ events }: Flow, q: string): Flow {
  const text = q.toLowerCase();
  return {
    events: events.filter(({ subject, publishers, subscribers }) =>
      [subject, ...publishers, ...subscribers.map(({ plugin, handler }) => `${plugin}.${handler}`)].some((name) =>
        name.toLowerCase().includes(text),
      ),
    ),
  };
}

function Picture({ flow }: { readonly flow: Flow }) {
  const layout = useMemo(() => layoutFlow(flow), [flow]);
  const [chosen, setChosen] = useState<string>();
  const near = useMemo(() => connected(layout, chosen), [layout, chosen]);
  return (
    <div class="card card-flush flow-card">
      <div class="flow-heads" aria-hidden="true">
        <span>Publishers</span>
        <span>Events</span>
        <span>Subscribers</span>
      </div>
      <div class="flow-scroll">
        <svg
          class={chosen === undefined ? 'flow' : 'flow flow-chosen'}
          viewBox={`-2 0 ${layout.width + 4} ${layout.height}`}
          role="group"
          aria-label="Events from publishers to subscribers"
        >
          {layout.edges.map((edge) => (
            <Edge
              key={`${edge.from.id} ${edge.to.id}`}
              edge={edge}
              isNear={near.has(edge.from.id) && near.has(edge.to.id)}
            />
          ))}
          {layout.nodes.map((node) => (
            <Node key={node.id} node={node} isNear={near.has(node.id)} onChoose={setChosen} />
          ))}
        </svg>
      </div>
    </div>
  );
}

/** The nodes on the paths through a node: those before it and those after it. */
function connected({ edges }: FlowLayout, chosen: string | undefined): ReadonlySet<string> {
  const near = new Set<string>(chosen === undefined ? [] : [chosen]);
  const walk = (from: 'from' | 'to', to: 'from' | 'to'): void => {
    let ring = new Set(chosen === undefined ? [] : [chosen]);
    while (ring.size > 0) {
      ring = new Set(edges.filter((edge) => ring.has(edge[from].id)).map((edge) => edge[to].id));
      for (const id of ring) near.add(id);
    }
  };
  walk('from', 'to');
  walk('to', 'from');
  return near;
}

function liveHandler(name: string | undefined): LiveHandler | undefined {
  const at = name?.lastIndexOf('.') ?? -1;
  if (name === undefined || !overview.value) return undefined;
  const plugin = pluginSignal(name.slice(0, at))?.value;
  return plugin?.handlers.find(({ handler }) => handler === name.slice(at + 1));
}

function Edge({ edge: { from, to, handler }, isNear }: { readonly edge: FlowEdge; readonly isNear: boolean }) {
  const live = liveHandler(handler);
  const perS = live?.handledPerS ?? 0;
  const [x1, y1, x2, y2] = [from.x + NODE.width, from.y + NODE.height / 2, to.x, to.y + NODE.height / 2];
  const bend = (x2 - x1) / 2;
  const isStuck = live !== undefined && handlerState(live) !== 'running';
  const kind = [isNear && 'edge-near', isStuck && 'edge-stuck', perS > 0 && 'edge-live'].filter(Boolean).join(' ');
  return (
    <path
      class={`edge ${kind}`}
      d={`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`}
      stroke-width={1.5 + Math.min(3.5, Math.log10(1 + perS))}
    />
  );
}

interface NodeProps {
  readonly node: FlowNode;
  readonly isNear: boolean;
  readonly onChoose: (id: string | undefined) => void;
}

function Node({ node, isNear, onChoose }: NodeProps) {
  const { kind, label, plugin, x, y } = node;
  const live = kind === 'handler' ? liveHandler(label) : undefined;
  const state = live ? handlerState(live) : 'running';
  const figure = live ? (state === 'running' ? rate(live.handledPerS ?? 0) : state) : '';
  const room = Math.floor((NODE.width - 32 - figure.length * 7.2) / 7.8);
  const body = (
    <>
      <rect width={NODE.width} height={NODE.height} rx="8" />
      <text x="12" y={NODE.height / 2} dominant-baseline="central">
        {label.length > room ? `${label.slice(0, room - 1)}…` : label}
      </text>
      {figure !== '' && (
        <text
          class={state === 'running' ? 'node-figure' : 'node-figure node-stuck'}
          x={NODE.width - 12}
          y={NODE.height / 2}
          dominant-baseline="central"
          text-anchor="end"
        >
          {figure}
        </text>
      )}
      <title>{label}</title>
    </>
  );
  const shared = {
    class: `node node-${kind} ${isNear ? 'node-near' : ''}`,
    transform: `translate(${x} ${y})`,
    onMouseEnter: () => onChoose(node.id),
    onMouseLeave: () => onChoose(undefined),
  };
  const to = kind === 'event' ? href(['events', label]) : plugin === undefined ? undefined : href(['plugins', plugin]);
  if (to === undefined) return <g {...shared}>{body}</g>;
  return (
    <a {...shared} href={to} data-row onFocus={() => onChoose(node.id)} onBlur={() => onChoose(undefined)}>
      {body}
    </a>
  );
}

function FlowTable({ flow }: { readonly flow: Flow }) {
  return (
    <>
      {flow.events.map(({ subject, publishers, subscribers }) => (
        <Card
          key={subject}
          title={subject}
          aside={
            <a href={href(['events', subject])} data-row>
              Event<span class="visually-hidden"> {subject}</span>
            </a>
          }
        >
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Published by</th>
                <th scope="col">Received by</th>
                <th scope="col" class="right">
                  Rate
                </th>
              </tr>
            </thead>
            <tbody>
              {(subscribers.length > 0 ? subscribers : [undefined]).map((subscriber, index) => {
                const live = subscriber && liveHandler(`${subscriber.plugin}.${subscriber.handler}`);
                return (
                  <tr key={index}>
                    <td>
                      {index === 0 &&
                        (publishers.length === 0 ? (
                          <span class="quiet">outside</span>
                        ) : (
                          publishers.map((plugin) => (
                            <a key={plugin} class="block" href={href(['plugins', plugin])}>
                              {plugin}
                            </a>
                          ))
                        ))}
                    </td>
                    <td>
                      {subscriber ? <HandlerLink {...subscriber} /> : <span class="quiet">nobody</span>}{' '}
                      {live && handlerState(live) !== 'running' && <StatePill state={handlerState(live)} />}
                    </td>
                    <td class="right num">{live ? rate(live.handledPerS ?? 0) : '–'}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </Card>
      ))}
    </>
  );
}
