/** Where the events of a time may stand. */
export type Range = { readonly first: number; readonly last: number };

/** The part of the log that a page is looked for in. */
export type Part = {
  /** Inclusive, both. */
  readonly fromPosition: number;
  readonly toPosition: number;
  /** Before which the next page looks on, where this one does not look at everything. */
  readonly lookedTo?: number;
};

/**
 * Places of the log that one page looks through for a trace: 150 ms. There is no index of traces, because it would nearly
 * double what an event costs to write (50,000 in 1.3 s without it, in 2.4 s with it), and who looks for one is rare.
 */
export const MAX_TRACED = 100_000;

/** The smaller of what was asked for and what the times say. */
export const narrower = (
  { fromPosition, toPosition }: { fromPosition?: number | undefined; toPosition?: number | undefined },
  range: Range | undefined,
): Part => ({
  fromPosition: Math.max(fromPosition ?? 1, range?.first ?? 1),
  toPosition: Math.min(toPosition ?? Number.MAX_SAFE_INTEGER, range?.last ?? Number.MAX_SAFE_INTEGER),
});

/** What one page looks through of it for a trace: the newest places before this one. */
export function traced(asked: Part, before: number): Part {
  const low = Math.min(before - 1, asked.toPosition) - MAX_TRACED + 1;
  return low > asked.fromPosition ? { ...asked, fromPosition: low, lookedTo: low } : asked;
}
