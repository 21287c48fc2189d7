import type { Discussion } from '@parley/sdk';
import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import type { Tab } from './inspector/inspector.tsx';
import { type ArenaState, isOpen } from './state.ts';

const NOTICE_MS = 4_000;

/** What is looked at and what is open: all that is the page's own. */
export type View = ReturnType<typeof useView>;

export function useView(discussion: Discussion, at: number | undefined) {
  const [panel, setPanel] = useState(() => window.matchMedia('(width >= 75rem)').matches);
  const [whole, setWhole] = useState(false);
  const [tab, setTab] = useState<Tab>('overview');
  const [turn, setTurn] = useState<number | undefined>();
  const [help, setHelp] = useState(false);
  const [fork, setFork] = useState<number | undefined>();
  const [naming, setNaming] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const [current, setCurrent] = useState<number | undefined>(at);
  const [notice, setNotice] = useState('');
  useEffect(() => {
    if (notice === '') return;
    const timer = setTimeout(() => setNotice(''), NOTICE_MS);
    return () => clearTimeout(timer);
  }, [notice]);
  // Who speaks may change while somebody looks for the right one; only an end takes the choice away.
  const open = isOpen(discussion);
  useEffect(() => {
    if (!open) setNaming(false);
  }, [open]);

  const look = useCallback((where: Tab, which?: number): void => {
    setTab(where);
    setTurn(which);
    setPanel(true);
  }, []);
  const inspect = (state: ArenaState, seq: number | undefined): void => {
    const message = seq === undefined ? undefined : state.messages.find((one) => one.seq === seq);
    look('turns', message?.turn ?? state.live?.turn ?? state.turns.at(-1)?.turn);
  };
  const leave = (): void => {
    if (naming) setNaming(false);
    else if (whole) setWhole(false);
    else if (turn !== undefined) setTurn(undefined);
    else if (!window.matchMedia('(width >= 75rem)').matches) setPanel(false);
  };
  return {
    ...{ panel, setPanel, whole, setWhole, tab, turn, look, inspect, leave, help, setHelp, fork, setFork },
    ...{ naming, setNaming, problem, setProblem, current, setCurrent, notice, setNotice },
  };
}

/** Whether a media query holds, now and whenever that changes. */
export function useMedia(query: string): boolean {
  const subscribe = useCallback(
    (changed: () => void) => {
      const media = window.matchMedia(query);
      media.addEventListener('change', changed);
      return () => media.removeEventListener('change', changed);
    },
    [query],
  );
  return useSyncExternalStore(subscribe, () => window.matchMedia(query).matches);
}
