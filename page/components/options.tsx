import type { ExplainedOption } from '../types';
import { shortPath } from '../lib/format';
import { Card } from './parts';

interface OptionTableProps {
  readonly title: string;
  readonly options: Readonly<Record<string, ExplainedOption>>;
}

export function OptionTable({ title, options }: OptionTableProps) {
  return (
    <Card title={title} isFlush>
      <OptionRows label={title} options={options} />
    </Card>
  );
}

/** The options that somebody has set come first; the defaults follow. */
export function OptionRows({
  label,
  options,
}: {
  readonly label: string;
  readonly options: OptionTableProps['options'];
}) {
  const sorted = Object.entries(options).sort(
    ([, a], [, b]) => Number(a.from === 'default') - Number(b.from === 'default'),
  );
  return (
    <table class="table" aria-label={label}>
      <thead>
        <tr>
          <th scope="col">Option</th>
          <th scope="col">Value</th>
          <th scope="col">From</th>
        </tr>
      </thead>
      <tbody>
        {sorted.map(([name, option]) => (
          <tr key={name} class={option.from === 'default' ? 'quiet' : ''}>
            <th scope="row">
              <code>{name}</code>
            </th>
            <td>
              <code>
                {option.value === null
                  ? '–'
                  : typeof option.value === 'string'
                    ? option.value
                    : JSON.stringify(option.value)}
              </code>
            </td>
            <td>{sourceText(option)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Where an option's value came from, in words. */
function sourceText(option: ExplainedOption): string {
  switch (option.from) {
    case 'default':
      return 'default';
    case 'decorator':
      return `${shortPath(option.file)}:${option.line}`;
    case 'config':
      if (option.file !== undefined) return `${shortPath(option.file)}:${option.line ?? 1}, ${option.key}`;
      return option.variable ?? option.flag ?? option.key;
  }
}
