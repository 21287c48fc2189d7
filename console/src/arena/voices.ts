import type { Message } from '@parley/sdk';
import { useMemo } from 'react';
import { words } from '../lib/format.ts';

/** How many words each participant has said; counted anew only when a message is added. */
export function useVoices(messages: readonly Message[]): ReadonlyMap<string | null, number> {
  return useMemo(() => {
    const said = new Map<string | null, number>();
    for (const { author, content } of messages) {
      said.set(author.participant_id, (said.get(author.participant_id) ?? 0) + words(content));
    }
    return said;
  }, [messages]);
}
