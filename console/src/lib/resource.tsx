import { createContext, type ReactNode, useCallback, useContext, useEffect, useRef, useState } from 'react';

type Entry = { data: unknown };
const CacheContext = createContext<Map<string, Entry>>(new Map());

/** What was read stays shown while it is read again. Made anew for every signed-in person. */
export function CacheProvider({ children }: { children: ReactNode }): ReactNode {
  const [cache] = useState(() => new Map<string, Entry>());
  return <CacheContext value={cache}>{children}</CacheContext>;
}

export type Resource<T> = {
  data: T | undefined;
  error: unknown;
  loading: boolean;
  reload(): void;
  /** Puts a known newer value in place. */
  set(data: T): void;
};

/** Loads what `key` names; a new key loads anew, and an answer that comes too late is dropped. */
export function useResource<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const cache = useContext(CacheContext);
  const [state, setState] = useState<{ key: string; error: unknown; loading: boolean; data: T | undefined }>({
    key,
    error: undefined,
    loading: true,
    data: cache.get(key)?.data as T | undefined,
  });
  const [round, setRound] = useState(0);
  const loader = useRef(load);
  loader.current = load;

  useEffect(() => {
    const controller = new AbortController();
    const kept = cache.get(key)?.data as T | undefined;
    setState((before) => ({
      key,
      error: undefined,
      loading: true,
      data: before.key === key ? (before.data ?? kept) : kept,
    }));
    void round;
    loader.current(controller.signal).then(
      (data) => {
        if (controller.signal.aborted) return;
        cache.set(key, { data });
        setState({ key, error: undefined, loading: false, data });
      },
      (error: unknown) => {
        if (controller.signal.aborted) return;
        setState((before) => ({ ...before, error, loading: false }));
      },
    );
    return () => controller.abort();
  }, [key, round, cache]);

  const reload = useCallback(() => setRound((before) => before + 1), []);
  const set = useCallback(
    (data: T) => {
      cache.set(key, { data });
      setState({ key, error: undefined, loading: false, data });
    },
    [cache, key],
  );
  const current = state.key === key;
  return {
    data: current ? state.data : (cache.get(key)?.data as T | undefined),
    error: current ? state.error : undefined,
    loading: !current || state.loading,
    reload,
    set,
  };
}
