import { useEffect, useRef, useState } from 'react';
import { useClient } from '../../../lib/session.tsx';
import type { Draft } from '../draft.ts';
import { makeReady } from './make.ts';
import { scenarioOf } from './scenarios.ts';

/** The draft of a scenario, its agents made where they are missing. Once, however often the page is drawn. */
export function useScenario(name: string): { draft: Draft | undefined; error: unknown; retry(): void } {
  const client = useClient();
  const [draft, setDraft] = useState<Draft | undefined>();
  const [error, setError] = useState<unknown>();
  const [round, setRound] = useState(0);
  const begun = useRef(-1);
  useEffect(() => {
    const scenario = scenarioOf(name);
    if (!scenario || begun.current === round) return;
    begun.current = round;
    setError(undefined);
    makeReady(client.agents, scenario).then(setDraft, setError);
  }, [client, name, round]);
  return { draft, error, retry: () => setRound((before) => before + 1) };
}
