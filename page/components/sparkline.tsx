interface SparklineProps {
  readonly values: readonly number[];
  /** The figure that the line shows, for screen readers. */
  readonly label: string;
  readonly tone?: 'accent' | 'bad' | 'warn' | 'quiet';
  readonly width?: number;
  readonly height?: number;
  /** The number of points at full width. */
  readonly points?: number;
}

/** A line of the last minute. It grows from the right, so that the newest value is always at the same place. */
export function Sparkline({ values, label, tone = 'accent', width = 96, height = 26, points = 60 }: SparklineProps) {
  const max = Math.max(...values, 0.0001);
  const step = width / (points - 1);
  const x = (index: number): number => width - (values.length - 1 - index) * step;
  const y = (value: number): number => height - 2 - (value / max) * (height - 5);
  const line = values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  const [first, last] = [x(0), values.at(-1) ?? 0];
  return (
    <svg
      class={`spark tone-${tone}`}
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {values.length > 1 && (
        <>
          <polygon class="spark-fill" points={`${first},${height} ${line} ${width},${height}`} />
          <polyline class="spark-line" points={line} vector-effect="non-scaling-stroke" />
        </>
      )}
      {values.length === 1 && <circle class="spark-dot" cx={width - 2} cy={y(last)} r="1.5" />}
    </svg>
  );
}

/** Counts over time as bars. */
export function Bars({ counts, label }: { readonly counts: readonly number[]; readonly label: string }) {
  const max = Math.max(...counts, 1);
  return (
    <svg class="bars" viewBox={`0 0 ${counts.length * 4} 24`} preserveAspectRatio="none" role="img" aria-label={label}>
      {counts.map((value, index) => {
        const height = value === 0 ? 1 : Math.max(2, (value / max) * 24);
        const kind = value === 0 ? 'bar-none' : 'bar';
        return <rect key={index} class={kind} x={index * 4} y={24 - height} width="3" height={height} />;
      })}
    </svg>
  );
}
