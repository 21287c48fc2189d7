import type { Generation } from '@parley/sdk';

type Row = {
  model: string;
  rehearsal: boolean;
  calls: number;
  input: number;
  output: number;
  /** Null as soon as one call has no known price: a sum with a hole would be a lie. */
  cost: number | null;
  firstMs: number | undefined;
};

export function byModel(items: readonly Generation[]): Row[] {
  const groups = new Map<string, Generation[]>();
  for (const item of items) groups.set(item.model, [...(groups.get(item.model) ?? []), item]);
  return [...groups].map(([model, calls]) => ({
    model,
    rehearsal: calls.every(({ rehearsal }) => rehearsal),
    calls: calls.length,
    input: sum(calls.map(({ input_tokens }) => input_tokens)),
    output: sum(calls.map(({ output_tokens }) => output_tokens)),
    cost: calls.some(({ cost_nano_usd }) => cost_nano_usd === null)
      ? null
      : sum(calls.map((call) => call.cost_nano_usd ?? 0)),
    firstMs: median(calls.flatMap(({ time_to_first_token_ms: first }) => (first === null ? [] : [first]))),
  }));
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : average(sorted[middle - 1], sorted[middle]);
}

const average = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : (a + b) / 2;
