import { useEffect, useRef } from 'react';
import { useCan, useClient } from './session.tsx';

/** However much happens: looked at no oftener than this. */
const REST_MS = 400;

type Wanted = { types?: readonly string[]; streams?: readonly string[] };

/**
 * Calls back when something of these types (or streams) has happened, and when the reader comes back to the page, which
 * is all that is left to whose role does not see events.
 */
export function useHappenings(wanted: Wanted, onChange: () => void): void {
  const client = useClient();
  const may = useCan()('events:read');
  const told = useRef(onChange);
  told.current = onChange;
  const key = JSON.stringify(wanted);

  useEffect(() => {
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        told.current();
      }, REST_MS);
    };
    const back = (): void => {
      if (document.visibilityState === 'visible') soon();
    };
    document.addEventListener('visibilitychange', back);
    const follow = async (): Promise<void> => {
      const { types, streams } = JSON.parse(key) as { types?: string[]; streams?: string[] };
      let opened = 0;
      // What happened while the connection was away is told by a reset, or comes after.
      const onConnection = ({ state }: { state: string }): void => {
        if (state === 'open' && opened++ > 0) soon();
      };
      const asked = { ...(types && { types }), ...(streams && { streams }) };
      for await (const _ of client.events.follow({ ...asked, signal: controller.signal, onConnection })) soon();
    };
    // Refused, or signed out: the page itself says so when it reads.
    if (may) follow().catch(() => undefined);
    return () => {
      controller.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', back);
    };
  }, [client, may, key]);
}

/** Looks again every so often while the page is seen. */
export function useEvery(ms: number, look: () => void): void {
  const latest = useRef(look);
  latest.current = look;
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') latest.current();
    }, ms);
    return () => clearInterval(timer);
  }, [ms]);
}
