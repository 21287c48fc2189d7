import type { Discussion, Turn } from '@parley/sdk';
import type { ReactNode } from 'react';
import { plural } from '../../lib/format.ts';
import { initials } from '../../lib/speakers.ts';
import { benchesOf } from '../stage/seating.ts';
import { hueIn, participantOf } from '../words.ts';

/** As many turns as can be told apart in a narrow panel. */
const SHOWN = 36;
const WIDTH = 288;
const ROW = 15;
/** For the initials. */
const LEFT = 26;

const SILENT: ReadonlySet<Turn['status']> = new Set(['skipped', 'failed', 'cancelled']);

/** The last turns as a score: a line for everybody at the table, and who had the word from turn to turn. */
export function Score({ turns, discussion }: { turns: readonly Turn[]; discussion: Discussion }): ReactNode {
  const shown = turns.slice(-SHOWN);
  const [first, last] = [shown[0], shown.at(-1)];
  if (!first || !last || shown.length < 3) return null;
  // In the order of the table, where sides sit together.
  const participants = benchesOf(discussion).flatMap(({ ids }) =>
    ids.flatMap((id) => participantOf(discussion, id) ?? []),
  );
  const step = (WIDTH - LEFT) / Math.max(shown.length, 12);
  const size = Math.min(10, step - 1.5);
  const x = (index: number): number => LEFT + index * step + step / 2;
  const y = (id: string): number => participants.findIndex((one) => one.id === id) * ROW + ROW / 2;
  const height = participants.length * ROW;
  const path = shown.map(({ participant_id }, index) => `${x(index).toFixed(1)} ${y(participant_id)}`).join('L');
  const label = `Who had the word from turn ${first.turn} to ${last.turn}: ${plural(participants.length, 'line')}, one a participant. The list below says the same.`;
  return (
    <figure className="score">
      <svg viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={label}>
        {participants.map(({ id, name }) => (
          <g key={id} className={`hue-${hueIn(discussion, id)}`}>
            <text x="0" y={y(id) + 3.5}>
              {initials(name)}
            </text>
            <path className="score-line" d={`M${LEFT} ${y(id)}H${WIDTH}`} />
          </g>
        ))}
        <path className="score-way" d={`M${path}`} />
        {shown.map((turn, index) => (
          <rect
            key={turn.turn}
            className={`${lookOf(turn)} hue-${hueIn(discussion, turn.participant_id)}`}
            x={x(index) - size / 2}
            y={y(turn.participant_id) - size / 2}
            width={size}
            height={size}
            rx={size / 3}
          >
            <title>{`Turn ${turn.turn}: ${turn.name}`}</title>
          </rect>
        ))}
      </svg>
      <figcaption style={{ width: `${((x(shown.length - 1) + size / 2) / WIDTH) * 100}%` }}>
        <span>turn {first.turn}</span>
        <span>{last.turn}</span>
      </figcaption>
    </figure>
  );
}

function lookOf({ status, ended_at }: Turn): string {
  if (ended_at === null) return 'score-now';
  return SILENT.has(status) ? 'score-silent' : 'score-said';
}
