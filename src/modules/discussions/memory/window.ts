import type { Agent } from '../../agents/index.ts';
import type { Memory } from './schemas.ts';

export const DEFAULT_MEMORY: Memory = { window: 40, summary: false, retrieval: 0 };
/** Messages that a window grows by at most while the summary is behind. What lies before even that is in neither. */
export const MAX_LAG = 200;

/** A discussion's memory as it is kept: older ones lack what came later. */
export const memoryOf = (kept: Partial<Memory>): Memory => ({ ...DEFAULT_MEMORY, ...kept });

/** What one speaker is given to remember: what its agent says, else what the discussion says. */
export const memoryFor = (kept: Partial<Memory>, agent: Pick<Agent, 'memory'> | undefined): Memory => ({
  ...memoryOf(kept),
  ...agent?.memory,
});

/** How far a log has come, and how far its summary. */
export type Progress = { readonly lastSeq: number; readonly summarised: number };

/**
 * The first message that is given word for word. Every message before it is in the summary, as long as that is not more
 * than `MAX_LAG` messages behind: the window grows until the summary has caught up, so that nothing falls in between.
 */
export function windowFrom({ window, summary }: Pick<Memory, 'window' | 'summary'>, at: Progress): number {
  const usual = Math.max(1, at.lastSeq - window + 1);
  if (!summary) return usual;
  return Math.min(usual, Math.max(at.summarised + 1, usual - MAX_LAG));
}

/** How many messages may leave a window before they are summarised: few calls of a model, and a window not much larger. */
export const strideOf = (window: number): number => Math.min(20, Math.max(1, Math.ceil(window / 2)));

/** Whether the summary is so far behind a speaker's window that it is time to go on with it. */
export const isBehind = ({ window, summary }: Pick<Memory, 'window' | 'summary'>, at: Progress): boolean =>
  summary && at.lastSeq - window - at.summarised >= strideOf(window);

/** Up to where the summary should go, for all who want it: before the smallest of their windows. */
export function summaryGoal(speakers: readonly Memory[], lastSeq: number): number {
  const windows = speakers.filter(({ summary }) => summary).map(({ window }) => window);
  return windows.length === 0 ? 0 : Math.max(0, lastSeq - Math.min(...windows));
}

/** Characters of one message that a speaker is given at most; of the messages of a large window, less of each. */
export const MAX_SAID_CHARS = 100_000;
const LEAST_SAID_CHARS = 10_000;
const READ_CHARS = 4_000_000;
export const saidChars = (messages: number): number =>
  Math.max(LEAST_SAID_CHARS, Math.min(MAX_SAID_CHARS, Math.floor(READ_CHARS / Math.max(1, messages))));

/** How far texts must be cut so that together they keep the budget: the short ones whole, the long ones all to one length. */
export function clipLevel(lengths: readonly number[], budget: number): number | null {
  if (lengths.reduce((sum, length) => sum + length, 0) <= budget) return null;
  let left = budget;
  const sorted = [...lengths].sort((a, b) => a - b);
  for (const [done, length] of sorted.entries()) {
    const share = Math.floor(left / (sorted.length - done));
    if (length > share) return share;
    left -= length;
  }
  return null;
}
