import { useEffect, useState } from 'react';
import { type Draft, EMPTY } from './draft.ts';

const KEY = 'parley.draft';
/** Of one person in one tenant: another one on the same machine sees none of it. */
const keyOf = (owner: string): string => `${KEY}:${owner}`;
/** More than this is not kept: a browser has few megabytes for everything. */
const MAX_LENGTH = 500_000;

/** A kept draft, or undefined where there is none that fits this version's form. */
export function parsedDraft(text: string | null): Draft | undefined {
  if (text === null) return undefined;
  try {
    const kept: unknown = JSON.parse(text);
    if (typeof kept !== 'object' || kept === null) return undefined;
    for (const [name, value] of Object.entries(EMPTY)) {
      const own = (kept as Record<string, unknown>)[name];
      if (typeof own !== typeof value || Array.isArray(own) !== Array.isArray(value)) return undefined;
    }
    return kept as Draft;
  } catch {
    return undefined;
  }
}

/** Whether anything was typed or chosen. */
export const isTouched = (draft: Draft): boolean => JSON.stringify(draft) !== JSON.stringify(EMPTY);

export function keptDraft(owner: string): Draft | undefined {
  try {
    return parsedDraft(localStorage.getItem(keyOf(owner)));
  } catch {
    return undefined;
  }
}

export function forgetDraft(owner: string): void {
  try {
    localStorage.removeItem(keyOf(owner));
  } catch {
    // Storage is forbidden here: nothing was kept.
  }
}

/** Keeps the draft on this machine once something in it was changed. Answers whether it could. */
export function useKeeping(owner: string, draft: Draft, changed: boolean): boolean {
  const [kept, setKept] = useState(false);
  useEffect(() => {
    if (!changed || !isTouched(draft)) return;
    const timer = setTimeout(() => {
      try {
        const text = JSON.stringify(draft);
        if (text.length > MAX_LENGTH) return setKept(false);
        localStorage.setItem(keyOf(owner), text);
        setKept(true);
      } catch {
        setKept(false);
      }
    }, 150);
    return () => clearTimeout(timer);
  }, [owner, draft, changed]);
  return kept;
}
