import { useEffect, useRef, useState } from 'react';
import { useRouter } from './router.tsx';

export type Filters<K extends string> = {
  /** As they stand in the fields. */
  values: Readonly<Record<K, string>>;
  /** The same a moment after the last key: what is asked for, and what the address says. */
  settled: Readonly<Record<K, string>>;
  set(change: Partial<Record<K, string>>): void;
  clear(): void;
  /** Whether any filter says something. */
  any: boolean;
};

const SETTLE_MS = 250;

/** A list's filters, kept in the address: a reload, the way back and a link that is sent find them again. */
export function useFilters<K extends string>(names: readonly K[]): Filters<K> {
  const { location, go } = useRouter();
  const read = (): Record<K, string> =>
    Object.fromEntries(names.map((name) => [name, location.query.get(name) ?? ''])) as Record<K, string>;
  const [values, setValues] = useState(read);
  const [settled, setSettled] = useState(values);
  const address = location.query.toString();
  const written = useRef(address);

  // Somebody else changed the address: a link to this page with other filters.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only the address tells
  useEffect(() => {
    if (address === written.current) return;
    written.current = address;
    const told = read();
    setValues(told);
    setSettled(told);
  }, [address]);

  useEffect(() => {
    if (values === settled) return;
    const timer = setTimeout(() => {
      setSettled(values);
      const query = queryOf(values);
      if (query === written.current) return;
      written.current = query;
      go(query === '' ? location.path : `${location.path}?${query}`, { replace: true });
    }, SETTLE_MS);
    return () => clearTimeout(timer);
  }, [values, settled, location.path, go]);

  return {
    values,
    settled,
    set: (change) => setValues((before) => ({ ...before, ...change })),
    clear: () => setValues(Object.fromEntries(names.map((name) => [name, ''])) as Record<K, string>),
    any: names.some((name) => settled[name] !== ''),
  };
}

/** Those that say something, as an address has them. */
export function queryOf(values: Readonly<Record<string, string>>): string {
  const said = Object.entries(values).filter(([, value]) => value !== '');
  return new URLSearchParams(said).toString();
}
