import { type ReactNode, useId } from 'react';
import { Icon } from './icon.tsx';

type Props = {
  label: string;
  value: string;
  options: readonly { value: string; label: string }[];
  /** With the label above; else only a screen reader is told. */
  shown?: boolean;
  onChange(value: string): void;
};

/** One of a few, in a toolbar. */
export function Pick({ label, value, options, shown = false, onChange }: Props): ReactNode {
  const id = useId();
  return (
    <div className={shown ? 'field' : 'pick'}>
      {shown && <label htmlFor={id}>{label}</label>}
      <div className="select">
        <select
          id={id}
          aria-label={shown ? undefined : label}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        >
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
        <Icon name="chevron" />
      </div>
    </div>
  );
}
