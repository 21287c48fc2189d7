import type { Discussion, Turn } from '@parley/sdk';
import type { ReactNode } from 'react';
import { cost, count, duration } from '../../lib/format.ts';
import { hueIn } from '../words.ts';
import { growth, linePath, median, type Sample, samplesOf } from './charts.ts';

/** Enough to see a trend in a narrow panel. */
const SHOWN = 48;
const FIELD = { width: 240, height: 44 };

/** Tokens, cost and latency as they grow, over the last turns. */
export function Charts({ turns, discussion }: { turns: readonly Turn[]; discussion: Discussion }): ReactNode {
  const samples = samplesOf(turns).slice(-SHOWN);
  if (samples.length < 2) return null;
  const { usage } = discussion;
  const tokens = usage.input_tokens + usage.output_tokens;
  const grew = (amount: (sample: Sample) => number): boolean => samples.some((sample) => amount(sample) > 0);
  const [tokensGrew, costGrew] = [grew((sample) => sample.tokens), grew(({ nanoUsd }) => nanoUsd)];
  if (!tokensGrew && !samples.some(({ firstMs }) => firstMs !== undefined)) return null;
  const first = median(samples.flatMap(({ firstMs }) => firstMs ?? []));
  return (
    <section className="charts">
      <h2>Over the turns</h2>
      {tokensGrew && (
        <Growth
          title="Tokens"
          text={count(tokens)}
          values={growth(
            samples.map((sample) => sample.tokens),
            tokens,
          )}
        />
      )}
      {costGrew && (
        <Growth
          title="Cost"
          text={cost(usage.cost_nano_usd)}
          values={growth(
            samples.map(({ nanoUsd }) => nanoUsd),
            usage.cost_nano_usd,
          )}
        />
      )}
      <Latency samples={samples} discussion={discussion} text={first === undefined ? '' : duration(first)} />
    </section>
  );
}

function Growth({ title, text, values }: { title: string; text: string; values: number[] }): ReactNode {
  const { line, area } = linePath(values, FIELD);
  const [from, to] = [values[0] ?? 0, values.at(-1) ?? 0];
  const label = `${title} grew ${from === 0 ? '' : 'further '}to ${text} over ${values.length - 1} turns.`;
  return (
    <figure className="chart">
      <figcaption>
        {title} <strong>{text}</strong>
      </figcaption>
      <svg viewBox={`0 -2 ${FIELD.width} ${FIELD.height + 3}`} preserveAspectRatio="none" role="img" aria-label={label}>
        <path className="chart-area" d={area} />
        <path className="chart-line" d={line} />
      </svg>
      <span className="visually-hidden">{to < from ? 'falling' : ''}</span>
    </figure>
  );
}

type LatencyProps = { samples: Sample[]; discussion: Discussion; text: string };

/** A bar for each turn in its speaker's colour: the darker part until the first word. */
function Latency({ samples, discussion, text }: LatencyProps): ReactNode {
  const measured = samples.filter(({ firstMs, wholeMs }) => firstMs !== undefined && wholeMs !== undefined);
  if (measured.length < 2) return null;
  const most = Math.max(...measured.map(({ wholeMs }) => wholeMs ?? 0), 1);
  const step = FIELD.width / measured.length;
  const gap = Math.min(2, step * 0.25);
  const label = `Time to the first word, typically ${text}; the longest turn took ${duration(most)}.`;
  return (
    <figure className="chart">
      <figcaption>
        First word, typically <strong>{text}</strong>
      </figcaption>
      <svg viewBox={`0 0 ${FIELD.width} ${FIELD.height}`} preserveAspectRatio="none" role="img" aria-label={label}>
        {measured.map(({ turn, participantId, firstMs = 0, wholeMs = 0 }, i) => {
          const [whole, begin] = [(wholeMs / most) * FIELD.height, (firstMs / most) * FIELD.height];
          const at = { x: i * step + gap / 2, width: Math.min(step - gap, 14) };
          return (
            <g key={turn} className={`hue-${hueIn(discussion, participantId)}`}>
              <title>{`Turn ${turn}: first word after ${duration(firstMs)}, whole ${duration(wholeMs)}`}</title>
              <rect {...at} className="chart-bar" y={FIELD.height - whole} height={whole} />
              <rect {...at} className="chart-bar-first" y={FIELD.height - begin} height={Math.max(1, begin)} />
            </g>
          );
        })}
      </svg>
      <p className="chart-note">
        <i className="key-first" /> first word <i className="key-whole" /> whole turn
      </p>
    </figure>
  );
}
