import type { DeadLetterSelection, Parley } from '@parley/sdk';
import { plural } from '../../lib/format.ts';

/** Rounds at most: of jobs the server takes a thousand at a time. */
const MOST_ROUNDS = 100;

/** What became of letters: `kept` stay where they are, because an unfinished job has their key. */
export type Done = { readonly letters: number; readonly kept: number };

/** Handles all of them again, however many rounds that takes. */
export async function requeueAll(client: Parley, selection: DeadLetterSelection): Promise<Done> {
  let kept = 0;
  const letters = await untilNone(async () => {
    const round = await client.deadLetters.requeueAll(selection);
    kept = round.kept;
    return round.requeued;
  });
  return { letters, kept };
}

export async function discardAll(client: Parley, selection: DeadLetterSelection): Promise<Done> {
  const named = Object.keys(selection).length > 0 ? selection : { all: true as const };
  return { letters: await untilNone(() => client.deadLetters.discardAll(named)), kept: 0 };
}

async function untilNone(round: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let rounds = 0; rounds < MOST_ROUNDS; rounds++) {
    const done = await round();
    total += done;
    if (done === 0) break;
  }
  return total;
}

/** What came of it. */
export function said(what: 'requeue' | 'discard', { letters, kept }: Done): string {
  if (what === 'discard') return letters > 0 ? `${plural(letters, 'letter')} discarded.` : 'None was left to discard.';
  const again = letters > 0 ? `${plural(letters, 'letter')} tried again.` : '';
  const stay = kept > 0 ? `${kept === 1 ? '1 stays' : `${kept} stay`}: an unfinished job has the same key.` : '';
  return [again, stay].filter((part) => part !== '').join(' ') || 'None: they are being tried already.';
}
