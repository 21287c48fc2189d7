import { useEffect, useState, useSyncExternalStore } from 'react';
import { useClient } from '../lib/session.tsx';
import type { ArenaState } from './state.ts';
import { Arena } from './store.ts';

/** With the next frame; in a hidden tab, where no frame comes, a few times a second. */
function nextFrame(flush: () => void): void {
  if (document.visibilityState === 'visible') requestAnimationFrame(flush);
  else setTimeout(flush, 250);
}

/** `at`: the message to begin at. */
export function useArena(id: string, at?: number): { arena: Arena; state: ArenaState } {
  const client = useClient();
  const [arena, setArena] = useState(() => new Arena(client, id, nextFrame));
  useEffect(() => {
    const mine = new Arena(client, id, nextFrame);
    setArena(mine);
    void mine.start(at);
    return () => mine.stop();
  }, [client, id, at]);
  return { arena, state: useSyncExternalStore(arena.subscribe, arena.state) };
}

/** A clock that ticks while it is needed. */
export function useNow(running: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!running) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
