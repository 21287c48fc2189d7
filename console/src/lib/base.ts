import { useEffect, useRef, useState } from 'react';
import type { Form } from './form.ts';

type Kept<T> = { version: number; draft: T };
export type Base = {
  /** What to send as the version that was read. */
  version: number;
  /** Somebody else changed what this form is about, while something is typed here. */
  theirs: boolean;
  /** Shows what is kept now. */
  fill(): void;
};

/**
 * What a form was filled with, beside what is kept now. Where nothing was typed, what somebody else wrote is shown as it
 * comes; where something was, saving is refused until theirs has been seen. A change of anything else is neither.
 */
export function useBase<T extends object>(form: Form<T>, kept: Kept<T>): Base {
  const contents = JSON.stringify(kept.draft);
  const [base, setBase] = useState({ contents, version: kept.version });
  const same = base.contents === contents;
  const fill = (): void => {
    form.replace(kept.draft);
    setBase({ contents, version: kept.version });
  };
  const latest = useRef(fill);
  latest.current = fill;
  const stale = !same && !form.busy;
  useEffect(() => {
    if (stale && !form.dirty) latest.current();
  }, [stale, form.dirty]);
  return { version: same ? kept.version : base.version, theirs: stale && form.dirty, fill };
}
