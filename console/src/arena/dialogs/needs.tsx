import type { Discussion } from '@parley/sdk';
import { type FormEvent, type ReactNode, useState } from 'react';
import { cost } from '../../lib/format.ts';
import { Button } from '../../ui/controls.tsx';
import { Icon } from '../../ui/icon.tsx';
import { ErrorNote } from '../../ui/states.tsx';
import type { Arena } from '../store.ts';
import { suggested, upwards } from './amounts.ts';

/** A discussion whose budget is spent: what one more turn needs, and a way to give it. */
export function Needs({ arena, discussion }: { arena: Arena; discussion: Discussion }): ReactNode {
  const { needs, limits, usage } = discussion;
  const least = upwards(needs?.max_cost_usd ?? 0);
  const [value, setValue] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  if (!needs) return null;
  const amount = value ?? String(suggested(least, limits.max_cost_usd ?? 0));
  const raise = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await arena.raise({ max_cost_usd: Number(amount) });
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form className="needs" onSubmit={(event) => void raise(event)}>
      <Icon name="warn" />
      <p>
        <strong>Its budget is spent.</strong> It has cost {cost(usage.cost_nano_usd)} of ${limits.max_cost_usd}. One
        more turn like those before needs a limit of at least ${least}.
      </p>
      <div className="needs-row">
        <label>
          <span className="visually-hidden">The new limit in US dollars</span>
          <span aria-hidden="true">$</span>
          <input
            type="number"
            inputMode="decimal"
            step="any"
            min={least}
            required
            value={amount}
            onChange={(event) => setValue(event.target.value)}
          />
        </label>
        <Button type="submit" look="primary" icon="play" busy={busy}>
          Raise and resume
        </Button>
      </div>
      {error !== undefined && <ErrorNote error={error} />}
    </form>
  );
}
