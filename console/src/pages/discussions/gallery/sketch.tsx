import type { ReactNode } from 'react';
import type { PolicyType } from '../draft.ts';

/** A speaker: where, and which of the agents. Who leads or judges is round. */
type Dot = { x: number; y: number; agent: number; round?: boolean };

const LINES: Partial<Record<PolicyType, string>> = {
  debate: 'M34 30h92M34 58h92M80 44v28',
  moderator: 'M80 26 36 66M80 26v46M80 26l44 40',
  vote: 'M40 34l80 34M40 68l80-34M40 34v34M120 34v34M40 34h80M40 68h80',
  graph: 'M80 20 44 46M80 20l36 26M44 46h72M44 46l36 30M116 46 80 76',
};
const DOTS: Partial<Record<PolicyType, readonly Dot[]>> = {
  debate: [
    { x: 34, y: 30, agent: 0 },
    { x: 34, y: 58, agent: 2 },
    { x: 126, y: 30, agent: 1 },
    { x: 126, y: 58, agent: 3 },
    { x: 80, y: 76, agent: 4, round: true },
  ],
  moderator: [
    { x: 80, y: 24, agent: 3, round: true },
    { x: 34, y: 68, agent: 0 },
    { x: 80, y: 76, agent: 1 },
    { x: 126, y: 68, agent: 2 },
  ],
  vote: [
    { x: 40, y: 32, agent: 0 },
    { x: 120, y: 32, agent: 1 },
    { x: 40, y: 70, agent: 2 },
    { x: 120, y: 70, agent: 3 },
  ],
  graph: [
    { x: 80, y: 19, agent: 0 },
    { x: 42, y: 47, agent: 1 },
    { x: 118, y: 47, agent: 2 },
    { x: 80, y: 78, agent: 3 },
  ],
};

/** What a policy looks like from far away, in its speakers' colours. Ornament: the text beside it says it. */
export function PolicySketch({ policy, hues }: { policy: PolicyType; hues: readonly number[] }): ReactNode {
  return (
    <svg className="sketch" viewBox="18 5 124 88" aria-hidden="true" focusable="false">
      <path className="sketch-lines" d={LINES[policy] ?? ''} />
      {(DOTS[policy] ?? []).map(({ x, y, agent, round }) => (
        <rect
          key={`${x} ${y}`}
          className={`sketch-dot hue-${hues[agent] ?? 0}`}
          x={x - 11}
          y={y - 11}
          width={22}
          height={22}
          rx={round ? 11 : 7}
        />
      ))}
    </svg>
  );
}
