import { type ReactNode, useState } from 'react';
import { Button } from './controls.tsx';

/** Something that is shown once, to be carried off. */
export function Secret({ value, label }: { value: string; label: string }): ReactNode {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(value);
      setCopied(true);
    } catch {
      // Without https the browser has no clipboard: the field below can be selected by hand.
    }
  };
  return (
    <div className="secret" role="status">
      <p>{label}</p>
      <div className="secret-row">
        <input readOnly value={value} aria-label={label} onFocus={(event) => event.target.select()} />
        <Button icon={copied ? 'check' : 'copy'} onClick={() => void copy()}>
          {copied ? 'Copied' : 'Copy'}
        </Button>
      </div>
    </div>
  );
}
