import type { ReactNode } from 'react';
import type { Form } from '../../../lib/form.ts';
import { huesAt } from '../../../lib/speakers.ts';
import { Avatar } from '../../../ui/avatar.tsx';
import type { Draft } from '../draft.ts';
import { shares } from '../policy.ts';

/** A weight for each, and the share of all turns that it comes to. */
export function WeightsEditor({ form }: { form: Form<Draft> }): ReactNode {
  const { seats, weights } = form.values;
  const parts = shares(form.values);
  const hues = huesAt(seats.map(({ name }) => name));
  return (
    <fieldset className="bare stack">
      <legend className="section-title">Weights</legend>
      <div className="share-bar" aria-hidden="true">
        {seats.map(({ key }, i) => (
          <i key={key} className={`hue-${hues[i]}`} style={{ flexGrow: parts[i] ?? 0 }} />
        ))}
      </div>
      <ul className="seat-list">
        {seats.map(({ key, name, kind }, i) => {
          const problem = form.live(`weights.${key}`);
          const id = `weight-${key}`;
          return (
            <li key={key}>
              <Avatar name={name} kind={kind} hue={hues[i] ?? 0} size="small" />
              <label className="seat-name" htmlFor={id}>
                {name}
              </label>
              <span className={problem ? 'problem' : 'faint'} id={`${id}-share`} aria-live="polite">
                {problem ?? `${Math.round((parts[i] ?? 0) * 100)} % of the turns`}
              </span>
              <input
                id={id}
                className="weight-input"
                inputMode="numeric"
                aria-describedby={`${id}-share`}
                aria-invalid={problem ? true : undefined}
                placeholder="1"
                value={weights[key] ?? ''}
                onChange={(event) => form.set('weights', { ...weights, [key]: event.target.value })}
              />
            </li>
          );
        })}
      </ul>
    </fieldset>
  );
}
