import { type Static, Type } from 'typebox';

/**
 * As soon as one of these is reached, a discussion ends with the limit's name as its reason; at `max_cost_usd` it pauses,
 * for more can be allowed.
 */
export const Limits = Type.Object(
  {
    max_turns: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      // No `default` in the schema: it would be filled in where some limits are changed and the others are to stay.
      description: 'Turns, skipped ones included. Default 20.',
    }),
    max_tokens: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000_000,
        description: 'Input and output tokens, the moderator’s included.',
      }),
    ),
    max_cost_usd: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 100_000,
        description: 'US dollars: reached, the discussion pauses. What has no known price counts nothing.',
      }),
    ),
    max_seconds: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 2_592_000,
        description: 'Time spent running or waiting, pauses not counted.',
      }),
    ),
    turn_timeout_seconds: Type.Number({
      minimum: 0.1,
      maximum: 86_400,
      description: 'For one turn: a model’s is then a failure, a person’s is skipped. Default 120.',
    }),
  },
  { additionalProperties: false },
);
export type Limits = Static<typeof Limits>;
/** The limits that end a discussion. */
export type LimitName = 'max_turns' | 'max_tokens' | 'max_seconds';

/** What a discussion has used up. */
export type Spent = {
  readonly turns: number;
  readonly tokens: number;
  readonly costNanoUsd: number;
  readonly elapsedMs: number;
};

export const NANO_PER_USD = 1_000_000_000;

/** The first limit that is reached and ends a discussion, or null. */
export function limitReached(limits: Limits, spent: Spent): LimitName | null {
  if (spent.turns >= limits.max_turns) return 'max_turns';
  if (limits.max_tokens !== undefined && spent.tokens >= limits.max_tokens) return 'max_tokens';
  if (limits.max_seconds !== undefined && spent.elapsedMs >= limits.max_seconds * 1000) return 'max_seconds';
  return null;
}

/** Whether no more may be spent: a discussion then stands until its limit is raised. */
export const costReached = (limits: Pick<Limits, 'max_cost_usd'>, costNanoUsd: number): boolean =>
  limits.max_cost_usd !== undefined && costNanoUsd >= nanoOf(limits.max_cost_usd);

/**
 * What `max_cost_usd` must be at least for one more turn that costs as much as those so far did in the mean. Exact to
 * the nano-dollar: counted in whole ones, and divided once.
 */
export function neededCost({ costNanoUsd, turns }: { costNanoUsd: number; turns: number }): number {
  return (costNanoUsd + Math.max(1, Math.ceil(costNanoUsd / Math.max(1, turns)))) / NANO_PER_USD;
}

/** Whole nano-dollars, and never none: a limit as small as that is reached by anything that costs something. */
const nanoOf = (usd: number): number => Math.max(1, Math.round(usd * NANO_PER_USD));

/** Milliseconds that a turn beginning now may take, and which limit cuts it. */
export function turnBudget(limits: Limits, elapsedMs: number): { ms: number; by: 'turn_timeout' | 'max_seconds' } {
  const turn = limits.turn_timeout_seconds * 1000;
  const whole = limits.max_seconds === undefined ? Infinity : Math.max(0, limits.max_seconds * 1000 - elapsedMs);
  return whole <= turn ? { ms: whole, by: 'max_seconds' } : { ms: turn, by: 'turn_timeout' };
}

/** Output tokens that a turn may have: the agent's own limit, or what is left of the discussion's. */
export function tokenBudget(limits: Limits, spentTokens: number, own: number | undefined): number | undefined {
  if (limits.max_tokens === undefined) return own;
  return Math.max(1, Math.min(own ?? Infinity, limits.max_tokens - spentTokens));
}
