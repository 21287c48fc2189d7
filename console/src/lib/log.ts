import type { CursorPage } from '@parley/sdk';
import { useEffect, useState } from 'react';
import { type Resource, useResource } from './resource.tsx';

type Read<T> = { items: T[]; next: string | null };
export type Log<T> = Resource<Read<T>> & {
  /** Reads one stretch further; undefined at the end. */
  more: (() => void) | undefined;
};

/** So many stretches at most: each look reads all of them again. */
const MOST = 20;

/** A list that goes on from a cursor, read again as a whole, so that nothing in it is old. */
export function useLog<T>(
  key: string,
  load: (cursor: string | undefined, signal: AbortSignal) => PromiseLike<CursorPage<T>>,
): Log<T> {
  const [asked, setAsked] = useState({ key, stretches: 1 });
  const stretches = asked.key === key ? asked.stretches : 1;
  const resource = useResource<Read<T>>(key, async (signal) => {
    const items: T[] = [];
    let next: string | null = null;
    for (let i = 0; i < stretches; i++) {
      const page: CursorPage<T> = await load(next ?? undefined, signal);
      items.push(...page.items);
      next = page.next_cursor;
      if (next === null) break;
    }
    return { items, next };
  });
  const { reload } = resource;
  useEffect(() => {
    if (stretches > 1) reload();
  }, [stretches, reload]);
  const further = resource.data !== undefined && resource.data.next !== null && stretches < MOST;
  return { ...resource, more: further ? () => setAsked({ key, stretches: stretches + 1 }) : undefined };
}
