import type { ReactNode } from 'react';
import { count } from '../lib/format.ts';

const WIDTH = 240;
const HEIGHT = 44;

/** A chart and what it is of; whoever cannot see it is told by the chart itself, with its figures. */
function Chart({ label, children, bare = false }: { label: string; children: ReactNode; bare?: boolean }): ReactNode {
  return (
    <figure className="plot">
      {children}
      {!bare && <figcaption aria-hidden="true">{label}</figcaption>}
    </figure>
  );
}

/** A bar each, from left to right, as high as its value. Said in one sentence to who cannot see it. */
export function Bars({ label, values, unit }: { label: string; values: readonly number[]; unit: string }): ReactNode {
  const most = Math.max(1, ...values);
  const step = WIDTH / Math.max(1, values.length);
  const width = Math.min(14, Math.max(1, step - 1));
  return (
    <Chart label={label}>
      <svg
        className="spark"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${label}: ${values.length} in all, at most ${count(most)} ${unit}, last ${count(values.at(-1) ?? 0)}.`}
      >
        <path className="spark-base" d={`M0 ${HEIGHT - 0.5}h${WIDTH}`} />
        {values.map((value, i) => {
          const height = value === 0 ? 0 : Math.max(1.5, (value / most) * (HEIGHT - 4));
          return (
            <rect
              // biome-ignore lint/suspicious/noArrayIndexKey: a place in time
              key={i}
              className="spark-bar"
              x={i * step}
              y={HEIGHT - height}
              width={width}
              height={height}
            />
          );
        })}
      </svg>
    </Chart>
  );
}

type TraceProps = {
  label: string;
  values: readonly number[];
  unit: string /** What it is stands beside it. */;
  bare?: boolean;
};

/** A line through the values, from left to right. */
export function Trace({ label, values, unit, bare = false }: TraceProps): ReactNode {
  const most = Math.max(1, ...values);
  const step = WIDTH / Math.max(1, values.length - 1);
  const points = values.map(
    (value, i) => `${(i * step).toFixed(1)} ${(HEIGHT - 2 - (value / most) * (HEIGHT - 8)).toFixed(1)}`,
  );
  return (
    <Chart label={label} bare={bare}>
      <svg
        className="spark"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${label}: last ${count(values.at(-1) ?? 0)} ${unit}, at most ${count(Math.max(0, ...values))}.`}
      >
        <path className="spark-base" d={`M0 ${HEIGHT - 0.5}h${WIDTH}`} />
        {points.length > 1 && <path className="spark-line" d={`M${points.join('L')}`} />}
      </svg>
    </Chart>
  );
}

type Part = { name: string; value: number; look: string };

/** Parts of a whole in one line, with their figures beneath. */
export function Parts({ parts }: { parts: readonly Part[] }): ReactNode {
  const shown = parts.filter(({ value }) => value > 0);
  return (
    <div className="parts">
      <div className="parts-bar" aria-hidden="true">
        {shown.map(({ name, value, look }) => (
          <i key={name} className={`part-${look}`} style={{ flexGrow: value }} />
        ))}
      </div>
      <p className="parts-words">
        {parts.map(({ name, value, look }) => (
          <span key={name} className={value === 0 ? 'faint' : undefined}>
            <i className={`part-${look}`} aria-hidden="true" />
            {count(value)} {name}
          </span>
        ))}
      </p>
    </div>
  );
}
