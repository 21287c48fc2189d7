import type { Hub, LiveFrame } from '../../../platform/realtime/hub.ts';
import type { Kept } from '../memory/given.ts';

/**
 * Frames of one turn are at least this far apart. The first piece after a silence goes out at once, so a provider's
 * chunk reaches its readers within 10 ms, and a very fast one costs at most 125 frames a second.
 */
const FRAME_MS = 8;
/** How often what was said so far is given to be kept, for readers elsewhere and after a crash: it then waits a little. */
const KEEP_MS = 500;
/** How long a speaker is held who is about to be cut short. Whoever holds him has then committed, or failed to. */
const HOLD_MS = 2_000;
const NEVER = Number.NEGATIVE_INFINITY;

/** Which attempt at which turn speaks. */
export type Speaking = {
  readonly tenantId: string;
  readonly discussionId: string;
  readonly step: number;
  readonly turn: number;
  readonly attempt: number;
  readonly participantId: string;
};

export type Speech = {
  /** Aborts when somebody stops this turn in this process. */
  readonly signal: AbortSignal;
  /** Everything said so far. */
  readonly text: string;
  /** Somebody in this process cuts it short, and counts the tokens so far. */
  readonly held: boolean;
  say(piece: string): void;
  /** Sends what was said and not sent yet. */
  flush(): void;
  /** No more frames; and it can no longer be found. */
  close(): void;
};

/** What is being said in this process at this moment. */
export type Live = {
  open(speaking: Speaking, keep: (text: string) => Promise<void>): Speech;
  /**
   * What was said so far in this step of the discussion, when it is said here. For whoever is about to cut it short:
   * nothing further is sent for a moment, so that what was heard is what can be kept.
   */
  hold(discussionId: string, step: number): Pick<Entry, 'text' | 'promptTokens' | 'kept'> | undefined;
  /** What is being answered to in this turn, when it is answered here. */
  given(discussionId: string, turn: number): Kept | undefined;
  /** What the prompt was, and how large: for the account of a turn that is cut short. */
  prompted(discussionId: string, step: number, prompt: { readonly tokens: number; readonly kept: Kept }): void;
  /** Stops the generation of this or an older step within this tick. */
  abort(discussionId: string, step: number): void;
  /** The `turn_snapshot` for somebody who joins: exactly what the frames sent so far amount to. */
  snapshot(discussionId: string): LiveFrame | undefined;
};

type Entry = Speaking & {
  text: string;
  sent: number;
  promptTokens: number;
  kept?: Kept;
  /** Nothing is sent before this moment. */
  heldUntil: number;
  flush(): void;
  readonly abort: AbortController;
};

export function createLive(hub: Pick<Hub, 'publish'>, nowMs: () => number = () => performance.now()): Live {
  const entries = new Map<string, Entry>();
  const inStep = (discussionId: string, step: number) => {
    const entry = entries.get(discussionId);
    return entry?.step === step ? entry : undefined;
  };

  return {
    open(speaking, keep) {
      const said = { text: '', sent: 0, promptTokens: 0, heldUntil: NEVER };
      const entry: Entry = { ...speaking, ...said, flush() {}, abort: new AbortController() };
      // A lost lease can bring a second attempt into the same process: the newer one is heard.
      entries.get(speaking.discussionId)?.abort.abort();
      entries.set(speaking.discussionId, entry);
      return speech(entry, { hub, keep, entries, nowMs });
    },
    hold(discussionId, step) {
      const entry = inStep(discussionId, step);
      if (!entry) return undefined;
      entry.flush();
      entry.heldUntil = nowMs() + HOLD_MS;
      return { ...entry, text: entry.text.slice(0, entry.sent) };
    },
    given(discussionId, turn) {
      const entry = entries.get(discussionId);
      return entry?.turn === turn ? entry.kept : undefined;
    },
    prompted(discussionId, step, { tokens, kept }) {
      const entry = inStep(discussionId, step);
      if (!entry) return;
      entry.promptTokens = tokens;
      entry.kept = kept;
    },
    abort(discussionId, step) {
      const entry = entries.get(discussionId);
      if (!entry || entry.step > step) return;
      entries.delete(discussionId);
      entry.abort.abort();
    },
    snapshot(discussionId) {
      const entry = entries.get(discussionId);
      // A moderator (attempt 0) is asked, not heard.
      if (!entry || entry.attempt === 0) return undefined;
      return snapshotFrame(discussionId, { ...entry, text: entry.text.slice(0, entry.sent) });
    },
  };
}

export const snapshotFrame = (
  discussionId: string,
  { turn, attempt, participantId, text }: Pick<Speaking, 'turn' | 'attempt' | 'participantId'> & { text: string },
): LiveFrame => ({
  event: 'turn_snapshot',
  data: { discussion_id: discussionId, turn, attempt, participant_id: participantId, text },
});

type Surroundings = {
  readonly hub: Pick<Hub, 'publish'>;
  readonly keep: (text: string) => Promise<void>;
  readonly entries: Map<string, Entry>;
  readonly nowMs: () => number;
};

function speech(entry: Entry, { hub, keep, entries, nowMs }: Surroundings): Speech {
  const { tenantId, discussionId, turn, attempt } = entry;
  let frameTimer: NodeJS.Timeout | undefined;
  let keepTimer: NodeJS.Timeout | undefined;
  let lastFrameAt = NEVER;

  const flush = () => {
    clearTimeout(frameTimer);
    frameTimer = undefined;
    if (entries.get(discussionId) !== entry || entry.sent === entry.text.length) return;
    if (entry.heldUntil > nowMs()) {
      frameTimer = setTimeout(flush, entry.heldUntil - nowMs());
      return;
    }
    const data = { discussion_id: discussionId, turn, attempt, offset: entry.sent, text: entry.text.slice(entry.sent) };
    entry.sent = entry.text.length;
    lastFrameAt = nowMs();
    hub.publish(tenantId, `discussions/${discussionId}`, { event: 'message_delta', data });
  };
  entry.flush = flush;
  const keepText = () => {
    void keep(entry.text).finally(() => {
      keepTimer = undefined;
    });
  };

  return {
    signal: entry.abort.signal,
    get text() {
      return entry.text;
    },
    get held() {
      return entry.heldUntil !== NEVER;
    },
    flush,
    say(piece) {
      entry.text += piece;
      if (entries.get(discussionId) !== entry) return;
      const waitMs = lastFrameAt + FRAME_MS - nowMs();
      if (waitMs <= 0) flush();
      else frameTimer ??= setTimeout(flush, waitMs);
      keepTimer ??= setTimeout(keepText, KEEP_MS);
    },
    close() {
      clearTimeout(frameTimer);
      clearTimeout(keepTimer);
      if (entries.get(discussionId) === entry) entries.delete(discussionId);
    },
  };
}
