import type { ReactNode } from 'react';
import { Button, IconButton } from './controls.tsx';

export type Pair = { readonly key: string; readonly value: string };

type PairsProps = {
  /** What one of them is called: a fact, an attribute. */
  readonly noun: string;
  readonly pairs: readonly Pair[];
  readonly onChange: (next: Pair[]) => void;
  readonly most: number;
  /** What is wrong with the one at this place, also while it is typed. */
  readonly problem: (at: number) => string | undefined;
  /** The form was sent once: also what is still empty is told of. */
  readonly tried: boolean;
  /** One as it might be. */
  readonly example: Pair;
};

/** Names and values of one's own, as many as are wanted. */
export function Pairs({ noun, pairs, onChange, most, problem, tried, example }: PairsProps): ReactNode {
  const change = (at: number, part: Partial<Pair>): void =>
    onChange(pairs.map((pair, i) => (i === at ? { ...pair, ...part } : pair)));
  return (
    <>
      {pairs.length > 0 && (
        <ul className="line-list">
          {pairs.map(({ key, value }, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a place in a list, whatever is typed there
            <li key={i}>
              <input
                aria-label={`Name of ${noun} ${i + 1}`}
                placeholder={example.key}
                maxLength={64}
                value={key}
                onChange={(event) => change(i, { key: event.target.value })}
              />
              <input
                aria-label={`Value of ${noun} ${i + 1}`}
                placeholder={example.value}
                value={value}
                onChange={(event) => change(i, { value: event.target.value })}
              />
              <IconButton
                icon="close"
                label={`Remove ${noun} ${i + 1}`}
                onClick={() => onChange(pairs.filter((_, at) => at !== i))}
              />
              {(key !== '' || tried) && problem(i) && <p className="problem">{problem(i)}</p>}
            </li>
          ))}
        </ul>
      )}
      <div className="form-foot">
        <Button
          look="quiet"
          icon="plus"
          disabled={pairs.length >= most}
          onClick={() => onChange([...pairs, { key: '', value: '' }])}
        >
          Add {/^[aeiou]/.test(noun) ? 'an' : 'a'} {noun}
        </Button>
      </div>
    </>
  );
}
