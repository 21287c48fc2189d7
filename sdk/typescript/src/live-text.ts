/** The words of the turn under way, as far as they were heard. */
export type LiveText = { readonly turn: number; readonly attempt: number; readonly text: string };

/** What of an event concerns the words of a turn: those of `DiscussionEvent`, and any other, which changes nothing. */
export type Heard = { readonly type: string; readonly data: unknown };

type Data = { turn?: number | null; attempt?: number; offset?: number; text?: string };

/**
 * Puts the words of a turn together: live events in, the text so far out. Pure. What belongs to an older turn or attempt
 * is void; a snapshot fills every hole; a piece that comes again changes nothing, and one that lies behind a hole
 * waits for the next snapshot, or for the message.
 */
export function hear(before: LiveText | undefined, { type, data }: Heard): LiveText | undefined {
  if (typeof data !== 'object' || data === null) return before;
  const { turn, attempt = 1, offset = 0, text = '' } = data as Data;
  if (typeof turn !== 'number') return before;
  const age = before === undefined ? 1 : turn - before.turn || attempt - before.attempt;
  switch (type) {
    case 'turn_started':
    case 'turn_restarted':
      return age > 0 ? { turn, attempt, text: '' } : before;
    case 'turn_snapshot':
      // One that was kept a moment ago may know less than was heard; within an attempt nobody takes a word back.
      if (age < 0 || (age === 0 && before?.text.startsWith(text))) return before;
      return { turn, attempt, text };
    case 'message_delta': {
      if (age < 0) return before;
      const known = age > 0 || before === undefined ? '' : before.text;
      return { turn, attempt, text: placed(known, offset, text) };
    }
    case 'message_posted':
    case 'turn_skipped':
      return before !== undefined && turn >= before.turn ? undefined : before;
    default:
      return before;
  }
}

/** `piece` at its place. Offsets count UTF-16 units, as JavaScript's strings do. */
function placed(known: string, offset: number, piece: string): string {
  if (offset > known.length) return known;
  const end = offset + piece.length;
  if (end <= known.length && known.slice(offset, end) === piece) return known;
  return known.slice(0, offset) + piece;
}
