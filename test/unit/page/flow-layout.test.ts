import { layoutFlow, NODE, OUTSIDE, type FlowLayout } from '../../../page/lib/flow-layout';
import type { Flow } from '../../../host/page/api';

const FLOW: Flow = {
  events: [
    { subject: 'b', publishers: ['second'], subscribers: [{ plugin: 'q', handler: 'run' }] },
    {
      subject: 'a',
      publishers: [],
      subscribers: [
        { plugin: 'p', handler: 'run' },
        { plugin: 'second', handler: 'run' },
      ],
    },
  ],
};

describe('the layout of the flow', () => {
  it('places publishers, events and handlers in columns from left to right', () => {
    const { nodes, width } = layoutFlow(FLOW);
    const columnOf = (kind: string) => new Set(nodes.filter((node) => node.kind === kind).map(({ x }) => x));
    expect(columnOf('publisher')).toEqual(new Set([0]));
    expect(columnOf('event')).toEqual(new Set([NODE.width + NODE.gapX]));
    expect(columnOf('handler')).toEqual(new Set([width - NODE.width]));
  });

  it('shows events that no plugin publishes as coming from outside', () => {
    const { edges } = layoutFlow(FLOW);
    expect(edges.find(({ to }) => to.label === 'a')?.from.label).toBe(OUTSIDE);
  });

  it('keeps the nodes of a column apart', () => {
    const { nodes } = layoutFlow(many(60));
    for (const kind of ['publisher', 'event', 'handler']) {
      const places = nodes
        .filter((node) => node.kind === kind)
        .map(({ y }) => y)
        .sort((a, b) => a - b);
      const gaps = places.slice(1).map((y, index) => y - places[index]!);
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(NODE.height);
    }
  });

  it('sorts the columns so that events in another order than their publishers cross no edges', () => {
    expect(crossings(layoutFlow(many(20)))).toBe(0);
  });

  it('draws a plugin that subscribes to its own event', () => {
    const { edges } = layoutFlow({
      events: [{ subject: 'a', publishers: ['p'], subscribers: [{ plugin: 'p', handler: 'run' }] }],
    });
    expect(edges.map(({ from, to }) => [from.label, to.label])).toEqual([
      ['p', 'a'],
      ['a', 'p.run'],
    ]);
  });

  it('is empty without events', () => expect(layoutFlow({ events: [] })).toMatchObject({ nodes: [], edges: [] }));
});

/** Each publisher has an event, and each event a handler, in orders that differ. */
function many(count: number): Flow {
  const names = Array.from({ length: count }, (_, index) => `n${(index * 7) % count}`);
  return {
    events: names.map((name, index) => ({
      subject: `event.${name}`,
      publishers: [`publisher-${count - index}`],
      subscribers: [{ plugin: name, handler: 'run' }],
    })),
  };
}

function crossings({ edges }: FlowLayout): number {
  let crossed = 0;
  for (const a of edges)
    for (const b of edges) if (a.from.x === b.from.x && a.from.y < b.from.y && a.to.y > b.to.y) crossed++;
  return crossed;
}
