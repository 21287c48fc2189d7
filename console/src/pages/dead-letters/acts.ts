import type { DeadLetterSelection, Parley } from '@parley/sdk';
import { plural } from '../../lib/format.ts';

/** Rounds at most: of jobs the server takes a thousand at a time. */
const MOST_ROUNDS = 100;

/** Handles all of them again, however many rounds that takes; answers how many. */
export const requeueAll = (client: Parley, selection: DeadLetterSelection): Promise<number> =>
  untilNone(() => client.deadLetters.requeueAll(selection));

export const discardAll = (client: Parley, selection: DeadLetterSelection): Promise<number> => {
  const named = Object.keys(selection).length > 0 ? selection : { all: true as const };
  return untilNone(() => client.deadLetters.discardAll(named));
};

async function untilNone(round: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let rounds = 0; rounds < MOST_ROUNDS; rounds++) {
    const done = await round();
    total += done;
    if (done === 0) break;
  }
  return total;
}

/** What came of it. Nothing happens to a job's letter whose key an unfinished job has. */
export function said(what: 'requeue' | 'discard', letters: number): string {
  if (letters > 0) return `${plural(letters, 'letter')} ${what === 'requeue' ? 'tried again.' : 'discarded.'}`;
  return what === 'requeue'
    ? 'None: they are being tried already, or an unfinished job has their key.'
    : 'None was left to discard.';
}
