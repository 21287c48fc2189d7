import { type ReactNode, useEffect, useState } from 'react';
import { clock, timeOfDay } from '../../lib/format.ts';
import { Icon } from '../../ui/icon.tsx';

type Props = { until: string; since?: string; short?: boolean };

/** How much longer the pieces are held unpaid: it counts down by itself, and nobody is read every second. */
export function Held({ until, since, short = false }: Props): ReactNode {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  const left = Math.max(0, Date.parse(until) - now);
  const whole = since === undefined ? 0 : Date.parse(until) - Date.parse(since);
  if (short) {
    return (
      <span className="held-short faint" title={`Held until ${timeOfDay(until)}`}>
        <Icon name="clock" />
        <span className="visually-hidden">held for another </span>
        {clock(left / 1000)}
      </span>
    );
  }
  return (
    <div className="held">
      <p>
        <span role="timer" aria-live="off" className="held-clock">
          {clock(left / 1000)}
        </span>
        <span className="faint">
          {left === 0 ? 'Time is up; it is about to expire.' : `Its pieces are held until ${timeOfDay(until)}.`}
        </span>
      </p>
      {whole > 0 && (
        <div className="held-bar" aria-hidden="true">
          <i style={{ width: `${Math.min(100, (left / whole) * 100).toFixed(2)}%` }} />
        </div>
      )}
    </div>
  );
}
