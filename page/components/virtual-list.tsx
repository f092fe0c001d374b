import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

interface VirtualListProps {
  readonly label: string;
  /** The number of rows, loaded or not. */
  readonly count: number;
  readonly rowHeight: number;
  /** The heads of the columns. One that is `hidden` is there for screen readers only. */
  readonly columns: readonly (string | { readonly hidden: string })[];
  /** The class that lays out the columns of the head and of each row. */
  readonly layout: string;
  /** The total for screen readers, where more rows exist than can be scrolled to yet. */
  readonly total?: number;
  /** Renders a row. The row is an element with `role="row"` that takes `attributes`. */
  readonly row: (index: number, attributes: RowAttributes) => preact.ComponentChild;
  /** The rows that are shown now, for a list that loads on demand. */
  readonly onRange?: (from: number, to: number) => void;
}

export interface RowAttributes {
  readonly key: number;
  readonly role: 'row';
  readonly class: string;
  readonly style: { readonly top: string };
  readonly 'aria-rowindex': number;
}

/** Rows above and below the visible ones, so that moving by keyboard always finds the next one. */
const OVERSCAN = 8;

/** A list of rows of one height that renders only those in view. It scrolls with the window's height as its bound. */
export function VirtualList({ label, count, rowHeight, columns, layout, total, row, onRange }: VirtualListProps) {
  const viewport = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ top: 0, height: 600 });
  useLayoutEffect(() => {
    const element = viewport.current!;
    const measure = (): void => setPlace({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, []);
  const from = Math.max(0, Math.floor(place.top / rowHeight) - OVERSCAN);
  const to = Math.min(count, Math.ceil((place.top + place.height) / rowHeight) + OVERSCAN);
  useEffect(() => onRange?.(from, to), [from, to, onRange]);
  const rows = Array.from({ length: Math.max(0, to - from) }, (_, offset) => {
    const index = from + offset;
    return row(index, {
      key: index,
      role: 'row',
      class: `vrow ${layout}`,
      style: { top: `${index * rowHeight}px` },
      'aria-rowindex': index + 2,
    });
  });
  return (
    <div class="vlist" role="grid" aria-label={label} aria-rowcount={(total ?? count) + 1}>
      <div class={`vhead ${layout}`} role="row" aria-rowindex={1}>
        {columns.map((column, index) => (
          <span role="columnheader" key={index}>
            {typeof column === 'string' ? column : <span class="visually-hidden">{column.hidden}</span>}
          </span>
        ))}
      </div>
      <div class="vport" ref={viewport} role="rowgroup" tabIndex={-1}>
        <div class="vspace" role="presentation" style={{ height: `${count * rowHeight}px` }}>
          {rows}
        </div>
      </div>
    </div>
  );
}

/** Whether the window has no room for a row of all columns. Then rows have two lines. */
export function useNarrow(): boolean {
  const [media] = useState(() => matchMedia('(max-width: 1000px)'));
  const [isNarrow, setNarrow] = useState(media.matches);
  useEffect(() => {
    const change = (): void => setNarrow(media.matches);
    media.addEventListener('change', change);
    return () => media.removeEventListener('change', change);
  }, [media]);
  return isNarrow;
}
