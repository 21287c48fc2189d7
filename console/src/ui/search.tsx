import type { ReactNode } from 'react';
import { Icon } from './icon.tsx';

export function SearchBox(props: { label: string; value: string; onChange(text: string): void }): ReactNode {
  return (
    <div className="search">
      <Icon name="search" />
      <input
        type="search"
        aria-label={props.label}
        placeholder={props.label}
        value={props.value}
        maxLength={200}
        onChange={(event) => props.onChange(event.target.value)}
      />
    </div>
  );
}

type TabsProps<T extends string> = {
  label: string;
  value: T;
  tabs: readonly { value: T; label: string }[];
  onChange(value: T): void;
};

/** Which part of a list is shown. Buttons, not ARIA tabs: they filter, they do not switch panels. */
export function Tabs<T extends string>({ label, value, tabs, onChange }: TabsProps<T>): ReactNode {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
    <div className="tabs" role="group" aria-label={label}>
      {tabs.map((tab) => (
        <button key={tab.value} type="button" aria-pressed={tab.value === value} onClick={() => onChange(tab.value)}>
          {tab.label}
        </button>
      ))}
    </div>
  );
}
