import type { ConnectionState, EventQuery, LogEvent } from '@parley/sdk';
import { useEffect, useReducer, useState } from 'react';
import { useClient } from '../../lib/session.tsx';
import { arrived, EMPTY_TAIL, further, passes, paused, type Sieve, type Tail } from './tail.ts';

export const BEGIN_WITH = 50;

type Page = { items: readonly LogEvent[]; next_cursor: string | null };
type Change =
  | { kind: 'begin'; page: Page }
  | { kind: 'older'; page: Page }
  | { kind: 'event'; event: LogEvent }
  | { kind: 'pause'; stop: boolean };

function changed(tail: Tail, change: Change): Tail {
  switch (change.kind) {
    case 'begin':
      return { ...EMPTY_TAIL, paused: tail.paused, events: change.page.items, next: change.page.next_cursor };
    case 'older':
      return further(tail, change.page);
    case 'event':
      return arrived(tail, change.event);
    case 'pause':
      return paused(tail, change.stop);
  }
}

export type Asked = { type: string; about: string; text: string; trace: string; from: string; to: string };

export type Following = {
  tail: Tail;
  /** `past`: only what lies behind was asked for, so nothing can come. */
  state: ConnectionState['state'] | 'past';
  error: unknown;
  loaded: boolean;
  busy: boolean;
  pause(stop: boolean): void;
  retry(): void;
  older: (() => void) | undefined;
};

/** The filters as the server takes them. A stream has a slash in its name, a subject none. */
function queryOf({ type, about, text, trace, from, to }: Asked): EventQuery {
  const kind = about.includes('/') ? { stream: about } : { subject: about };
  return {
    ...(type !== '' && { type }),
    ...(about !== '' && kind),
    ...(text !== '' && { text }),
    ...(trace !== '' && { trace }),
    ...(from !== '' && { from: new Date(from).toISOString() }),
    ...(to !== '' && { to: new Date(to).toISOString() }),
  };
}

/** The newest events that were asked for, and from there on each as it happens. */
export function useEvents(asked: Asked): Following {
  const client = useClient();
  const [tail, change] = useReducer(changed, EMPTY_TAIL);
  const [state, setState] = useState<Following['state']>('connecting');
  const [error, setError] = useState<unknown>();
  const [loaded, setLoaded] = useState(false);
  const [busy, setBusy] = useState(false);
  const [round, setRound] = useState(0);
  const key = JSON.stringify(asked);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const wanted = JSON.parse(key) as Asked;
    const sieve: Sieve = wanted;
    const follow = async (): Promise<void> => {
      for (;;) {
        const page = await client.events.list({ limit: BEGIN_WITH, ...queryOf(wanted) }, { signal });
        change({ kind: 'begin', page });
        setLoaded(true);
        if (wanted.to !== '' && Date.parse(wanted.to) <= Date.now()) return setState('past');
        const onConnection = (now: ConnectionState): void => setState(now.state);
        const only = {
          ...(wanted.type !== '' && { types: [wanted.type] }),
          ...(wanted.about.includes('/') && { streams: [wanted.about] }),
        };
        let gap = false;
        for await (const event of client.events.follow({ ...only, cursor: page.cursor, signal, onConnection })) {
          gap = event.type === 'reset';
          if (gap) break;
          if (passes(event as LogEvent, sieve)) change({ kind: 'event', event: event as LogEvent });
        }
        // After a reset there is a hole: what is there now is read anew.
        if (!gap) return;
      }
    };
    void round;
    setError(undefined);
    setState('connecting');
    follow().catch((problem: unknown) => {
      if (signal.aborted) return;
      setError(problem);
      setLoaded(true);
    });
    return () => controller.abort();
  }, [client, round, key]);
  const load = async (cursor: string): Promise<void> => {
    setBusy(true);
    try {
      change({ kind: 'older', page: await client.events.list({ limit: BEGIN_WITH, cursor, ...queryOf(asked) }) });
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const { next } = tail;
  return {
    ...{ tail, state, error, loaded, busy },
    pause: (stop) => change({ kind: 'pause', stop }),
    retry: () => setRound((before) => before + 1),
    older: next === null ? undefined : () => void load(next),
  };
}
