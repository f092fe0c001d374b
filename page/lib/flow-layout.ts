import type { Flow } from '../../host/page/api';

/** The name of the publisher of events that no plugin publishes. */
export const OUTSIDE = 'outside';

export interface FlowNode {
  readonly id: string;
  readonly kind: 'publisher' | 'event' | 'handler';
  readonly label: string;
  readonly plugin?: string;
  readonly x: number;
  readonly y: number;
}

export interface FlowEdge {
  readonly from: FlowNode;
  readonly to: FlowNode;
  /** The key `plugin.handler`, for an edge to a handler. */
  readonly handler?: string;
}

export interface FlowLayout {
  readonly nodes: readonly FlowNode[];
  readonly edges: readonly FlowEdge[];
  readonly width: number;
  readonly height: number;
}

export const NODE = { width: 244, height: 34, gapX: 120, gapY: 14 } as const;

type Column = { id: string; kind: FlowNode['kind']; label: string; plugin?: string }[];
type Link = readonly [from: string, to: string, handler?: string];

/** Places publishers, events and handlers in three columns, and sorts each column so that few edges cross. */
export function layoutFlow({ events }: Flow): FlowLayout {
  const columns: [Column, Column, Column] = [[], [], []];
  const links: Link[] = [];
  const seen = new Set<string>();
  const add = (column: 0 | 1 | 2, node: Column[number]): string => {
    if (!seen.has(node.id)) columns[column].push(node);
    seen.add(node.id);
    return node.id;
  };
  for (const { subject, publishers, subscribers } of events) {
    const event = add(1, { id: `e:${subject}`, kind: 'event', label: subject });
    for (const plugin of publishers.length > 0 ? publishers : [OUTSIDE]) {
      const own = plugin === OUTSIDE ? {} : { plugin };
      links.push([add(0, { id: `p:${plugin}`, kind: 'publisher', label: plugin, ...own }), event]);
    }
    for (const { plugin, handler } of subscribers) {
      const name = `${plugin}.${handler}`;
      links.push([event, add(2, { id: `h:${name}`, kind: 'handler', label: name, plugin }), name]);
    }
  }
  sortColumns(columns, links);
  return place(columns, links);
}

/** Moves each node beside the middle of its neighbours, a few times from left to right and back. */
function sortColumns(columns: [Column, Column, Column], links: readonly Link[]): void {
  const neighbours = new Map<string, string[]>();
  for (const [from, to] of links) {
    neighbours.set(from, [...(neighbours.get(from) ?? []), to]);
    neighbours.set(to, [...(neighbours.get(to) ?? []), from]);
  }
  for (const [moved, fixed] of [
    [1, 0],
    [2, 1],
    [1, 2],
    [0, 1],
    [1, 0],
    [2, 1],
  ] as const) {
    const rank = new Map(columns[fixed].map(({ id }, index) => [id, index / Math.max(1, columns[fixed].length)]));
    const middle = (id: string): number => {
      const ranks = (neighbours.get(id) ?? []).flatMap((other) => rank.get(other) ?? []);
      return ranks.length === 0 ? 1 : ranks.reduce((sum, each) => sum + each, 0) / ranks.length;
    };
    columns[moved] = [...columns[moved]].sort((a, b) => middle(a.id) - middle(b.id));
  }
}

function place(columns: readonly Column[], links: readonly Link[]): FlowLayout {
  const step = NODE.height + NODE.gapY;
  const rows = Math.max(1, ...columns.map(({ length }) => length));
  const height = rows * step + NODE.gapY;
  const nodes = columns.flatMap((column, index) => {
    // A short column spreads over the height, so that its edges stay flat.
    const own = height / Math.max(1, column.length);
    return column.map((node, row) => ({
      ...node,
      x: index * (NODE.width + NODE.gapX),
      y: Math.round(own * (row + 0.5) - NODE.height / 2),
    }));
  });
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const edges = links.map(([from, to, handler]) => ({
    from: byId.get(from)!,
    to: byId.get(to)!,
    ...(handler !== undefined && { handler }),
  }));
  return { nodes, edges, width: 3 * NODE.width + 2 * NODE.gapX, height };
}
