import type { ReactNode } from 'react';
import type { PolicyType } from '../draft.ts';

type Dot = { x: number; y: number; hue: number; square?: boolean };

const LINES: Partial<Record<PolicyType, string>> = {
  debate: 'M34 30h92M34 58h92M80 44v28',
  moderator: 'M80 26 36 66M80 26v46M80 26l44 40',
  vote: 'M40 34l80 34M40 68l80-34M40 34v34M120 34v34M40 34h80M40 68h80',
  graph: 'M80 20 44 46M80 20l36 26M44 46h72M44 46l36 30M116 46 80 76',
};
const DOTS: Partial<Record<PolicyType, readonly Dot[]>> = {
  debate: [
    { x: 34, y: 30, hue: 4 },
    { x: 34, y: 58, hue: 0 },
    { x: 126, y: 30, hue: 2 },
    { x: 126, y: 58, hue: 6 },
    { x: 80, y: 76, hue: 1, square: true },
  ],
  moderator: [
    { x: 80, y: 24, hue: 8, square: true },
    { x: 34, y: 68, hue: 0 },
    { x: 80, y: 76, hue: 3 },
    { x: 126, y: 68, hue: 5 },
  ],
  vote: [
    { x: 40, y: 32, hue: 2 },
    { x: 120, y: 32, hue: 7 },
    { x: 40, y: 70, hue: 1 },
    { x: 120, y: 70, hue: 4 },
  ],
  graph: [
    { x: 80, y: 19, hue: 0 },
    { x: 42, y: 47, hue: 2 },
    { x: 118, y: 47, hue: 3 },
    { x: 80, y: 78, hue: 1 },
  ],
};

/** What a policy looks like from far away. Ornament: the text beside it says it. */
export function PolicySketch({ policy }: { policy: PolicyType }): ReactNode {
  return (
    <svg className="sketch" viewBox="18 5 124 88" aria-hidden="true" focusable="false">
      <path className="sketch-lines" d={LINES[policy] ?? ''} />
      {(DOTS[policy] ?? []).map(({ x, y, hue, square }) => (
        <rect
          key={`${x} ${y}`}
          className={`sketch-dot hue-${hue}`}
          x={x - 11}
          y={y - 11}
          width={22}
          height={22}
          rx={square ? 11 : 7}
        />
      ))}
    </svg>
  );
}
