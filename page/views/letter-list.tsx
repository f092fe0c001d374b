import { useEffect, useState } from 'preact/hooks';
import type { DeadLetterSummary } from '../types';
import type { LetterFilter, LetterPage } from '../../host/page/api';
import { query } from '../api';
import { ChangeButton } from '../components/change-button';
import { Failure, Skeleton } from '../components/feedback';
import { LetterChangeDialog } from '../components/letter-change';
import { usePaged } from '../components/paged';
import { Time } from '../components/time';
import { useNarrow, VirtualList, type RowAttributes } from '../components/virtual-list';
import { plural } from '../lib/format';
import { href } from '../route';

const COLUMNS = [{ hidden: 'Selected' }, 'Letter', 'Error', 'Handler', 'Subject', 'Failed'];

const read = ({ letters, ...page }: LetterPage) => ({ rows: letters, ...page });

interface LetterListProps {
  readonly filter: LetterFilter;
  /** The list is read again when this changes. */
  readonly version: number;
}

/** The letters of a filter. Any number of them: the list loads pages as it is scrolled, and keeps some of them. */
export function LetterList({ filter, version }: LetterListProps) {
  const isNarrow = useNarrow();
  const { count, total, row, isLoading, error, onRange, reload } = usePaged<DeadLetterSummary, LetterPage>(
    query('/api/dead', { ...filter }),
    read,
  );
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const [change, setChange] = useState<'redrive' | 'drop'>();
  useEffect(() => {
    if (version > 0) reload();
  }, [version]);
  const toggle = (id: number): void => setChosen((before) => toggled(before, id));
  return (
    <>
      {error && <Failure error={error} retry={reload} />}
      {isLoading && <Skeleton lines={6} />}
      {count > 0 && (
        <VirtualList
          label="Dead letters"
          count={count}
          {...(total !== undefined && { total })}
          rowHeight={isNarrow ? 76 : 44}
          columns={COLUMNS}
          layout="cols-letters"
          onRange={onRange}
          row={(index, attributes) => {
            const letter = row(index);
            return (
              <Row
                key={attributes.key}
                attributes={attributes}
                letter={letter}
                isChosen={letter !== undefined && chosen.has(letter.id)}
                onToggle={toggle}
              />
            );
          }}
        />
      )}
      {chosen.size > 0 && (
        <div class="selection" role="region" aria-label="Selection">
          <span class="strong">{plural(chosen.size, 'letter')} selected</span>
          <ChangeButton icon="redrive" kind="primary" onClick={() => setChange('redrive')}>
            Redrive …
          </ChangeButton>
          <ChangeButton icon="drop" onClick={() => setChange('drop')}>
            Drop …
          </ChangeButton>
          <button type="button" class="button" onClick={() => setChosen(new Set())}>
            Clear
          </button>
        </div>
      )}
      {change && (
        <LetterChangeDialog
          kind={change}
          change={{ ids: [...chosen] }}
          about="the selected letters"
          onClose={(isDone) => {
            setChange(undefined);
            if (isDone) setChosen(new Set());
          }}
        />
      )}
    </>
  );
}

function toggled(before: ReadonlySet<number>, id: number): ReadonlySet<number> {
  const after = new Set(before);
  if (!after.delete(id)) after.add(id);
  return after;
}

interface RowProps {
  readonly attributes: RowAttributes;
  readonly letter: DeadLetterSummary | undefined;
  readonly isChosen: boolean;
  readonly onToggle: (id: number) => void;
}

function Row({ attributes: { key: _, ...attributes }, letter, isChosen, onToggle }: RowProps) {
  if (!letter) {
    return (
      <div {...attributes}>
        <span role="gridcell" class="skeleton-line" />
      </div>
    );
  }
  const { id, error, reason, plugin, handler, subject, time } = letter;
  return (
    <div {...attributes} data-row tabIndex={0} aria-selected={isChosen}>
      <span role="gridcell" class="cell-check">
        <input
          type="checkbox"
          checked={isChosen}
          aria-label={`Select letter ${id}`}
          tabIndex={-1}
          onChange={() => onToggle(id)}
        />
      </span>
      <span role="gridcell" class="num cell-id">
        <a href={href(['dead', String(id)])} tabIndex={-1}>
          {id}
        </a>
      </span>
      <span role="gridcell" class="ellipsis cell-error" title={error}>
        {error || reason}
      </span>
      <span role="gridcell" class="mono ellipsis quiet cell-handler">
        {plugin}.{handler}
      </span>
      <span role="gridcell" class="mono ellipsis quiet cell-subject">
        {subject}
      </span>
      <span role="gridcell" class="quiet cell-time">
        <Time at={time} />
      </span>
    </div>
  );
}
