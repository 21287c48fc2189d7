import type { ReactNode } from 'react';

type Props = {
  state: 'connecting' | 'open' | 'reconnecting' | 'past';
  paused?: boolean;
  broken?: boolean;
};

/** Whether what one sees is what is. */
export function LivePill({ state, paused = false, broken = false }: Props): ReactNode {
  if (broken) return <span className="pill pill-failed">ended</span>;
  if (state === 'past') return <span className="pill">of the past</span>;
  if (paused) return <span className="pill pill-paused">held still</span>;
  if (state === 'open') return <span className="pill pill-running">live</span>;
  return <span className="pill pill-waiting">{state}</span>;
}
