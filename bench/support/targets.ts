/** A line of the bench's table: what was measured beside what was asked for. Each scenario's result has `targets`. */
export type Target = {
  readonly what: string;
  /** Null where it could not be measured, which is not met. */
  readonly measured: number | null;
  readonly unit: string;
} & ({ readonly at_most: number } | { readonly at_least: number });

export const atMost = (what: string, measured: number | null, limit: number, unit = ''): Target => ({
  ...{ what, measured, unit, at_most: limit },
});

export const atLeast = (what: string, measured: number | null, limit: number, unit = ''): Target => ({
  ...{ what, measured, unit, at_least: limit },
});

export function isMet(target: Target): boolean {
  const { measured } = target;
  if (measured === null || Number.isNaN(measured)) return false;
  return 'at_most' in target ? measured <= target.at_most : measured >= target.at_least;
}
