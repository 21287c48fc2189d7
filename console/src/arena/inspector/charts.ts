import type { Turn } from '@parley/sdk';

/** A turn as the charts see it. Amounts are those of the turn alone. */
export type Sample = {
  turn: number;
  participantId: string;
  tokens: number;
  nanoUsd: number;
  /** Until the first token, and the whole; undefined where nobody measured. */
  firstMs: number | undefined;
  wholeMs: number | undefined;
};

export function samplesOf(turns: readonly Turn[]): Sample[] {
  return turns
    .filter(({ ended_at }) => ended_at !== null)
    .map((turn) => ({
      turn: turn.turn,
      participantId: turn.participant_id,
      tokens: turn.usage.input_tokens + turn.usage.output_tokens,
      nanoUsd: turn.usage.cost_nano_usd ?? 0,
      firstMs: turn.time_to_first_token_ms ?? undefined,
      wholeMs: turn.ended_at === null ? undefined : Date.parse(turn.ended_at) - Date.parse(turn.started_at),
    }));
}

/** Sums from turn to turn, ending at `end`: turns before the first sample are in it too. */
export function growth(amounts: readonly number[], end: number): number[] {
  const sum = amounts.reduce((total, amount) => total + amount, 0);
  let total = Math.max(0, end - sum);
  return [total, ...amounts.map((amount) => (total += amount))];
}

/** A line through values that grow, on a field of this size from the least to the most; and the area under it. */
export function linePath(values: readonly number[], { width, height }: { width: number; height: number }) {
  const least = Math.min(...values);
  const range = Math.max(...values) - least || 1;
  const points = values.map((value, i) => {
    const x = values.length < 2 ? width : (i / (values.length - 1)) * width;
    return `${x.toFixed(1)} ${(height - ((value - least) / range) * height).toFixed(1)}`;
  });
  const line = `M${points.join('L')}`;
  return { line, area: `${line}L${width} ${height}L0 ${height}Z` };
}

/** The middle of what was measured. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return undefined;
  return sorted.length % 2 === 1 ? sorted[middle] : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
