import type { AuditEntry, AuditPage } from '../../host/page/api';
import { Empty, Failure, Skeleton } from '../components/feedback';
import { ViewHead } from '../components/parts';
import { usePaged } from '../components/paged';
import { Pill } from '../components/state';
import { Time } from '../components/time';
import { useNarrow, VirtualList } from '../components/virtual-list';

const COLUMNS = ['When', 'Who', 'Change', 'Target', 'Detail', 'Outcome'];

const read = ({ entries, next }: AuditPage) => ({ rows: entries, ...(next !== undefined && { next }) });

/** Who changed what, when, and from where. */
export function AuditView() {
  const isNarrow = useNarrow();
  const { count, row, isLoading, error, onRange, reload } = usePaged<AuditEntry, AuditPage>('/api/audit', read);
  return (
    <>
      <ViewHead title="Audit" note="Every change through the page and the commands, the newest first" />
      {error && <Failure error={error} retry={reload} />}
      {isLoading && <Skeleton lines={8} />}
      {!isLoading && !error && count === 0 && (
        <Empty title="Nothing has been changed yet." command="npx jetplug audit">
          A pause, a redrive, a drop or a published event leaves an entry here.
        </Empty>
      )}
      {count > 0 && (
        <VirtualList
          label="Changes"
          count={count}
          rowHeight={isNarrow ? 92 : 52}
          columns={COLUMNS}
          layout="cols-audit"
          onRange={onRange}
          row={(index, { key, ...attributes }) => (
            <div {...attributes} key={key} data-row tabIndex={0}>
              <Cells entry={row(index)} />
            </div>
          )}
        />
      )}
    </>
  );
}

const TONES = { started: 'quiet', done: 'good', failed: 'bad' } as const;

function Cells({ entry }: { readonly entry: AuditEntry | undefined }) {
  if (!entry) return <span role="gridcell" class="skeleton-line" />;
  const { at, who, via, from, action, target, detail, outcome, error } = entry;
  const details = Object.entries(detail ?? {}).map(
    ([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const text = error ?? details.join(', ');
  return (
    <>
      <span role="gridcell" class="quiet">
        <Time at={at} />
      </span>
      <span role="gridcell" class="ellipsis">
        {who}{' '}
        <span class="quiet">
          {via}
          {from !== undefined && `, ${from}`}
        </span>
      </span>
      <span role="gridcell" class="strong">
        {action}
      </span>
      <span role="gridcell" class="mono ellipsis">
        {target}
      </span>
      <span role="gridcell" class="quiet ellipsis" title={text}>
        {text}
      </span>
      <span role="gridcell">
        <Pill tone={TONES[outcome]}>{outcome}</Pill>
      </span>
    </>
  );
}
