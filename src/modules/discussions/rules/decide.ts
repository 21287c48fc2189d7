import type { Participant, State } from './fold.ts';
import { costReached, type LimitName, type Limits, limitReached, type Spent } from './limits.ts';
import { type KeptPolicy, nextSpeaker } from './policies.ts';
import type { Ending, Verdict } from './policy.ts';

/** What happens next: somebody speaks, models are asked who, a person has to choose, or the discussion ends and why. */
export type Decision =
  | Going
  | { readonly kind: 'end'; readonly action: 'complete'; readonly reason: LimitName | Ending }
  | { readonly kind: 'end'; readonly action: 'fail'; readonly reason: 'every_turn_failed' }
  /** It stands until it may cost more; `otherwise` is what happens then. */
  | { readonly kind: 'pause'; readonly reason: 'max_cost_usd'; readonly otherwise: Going };

type Going = Exclude<Verdict, { readonly kind: 'end' }>;

export type Situation = {
  readonly policy: KeptPolicy;
  readonly participants: readonly Participant[];
  readonly limits: Limits;
  readonly state: State;
  readonly spent: Spent;
};

/**
 * Whether the policy has come to its end, then the limits, then whether it still makes sense, then who. Pure.
 * A verdict that fell with the last turn allowed is a verdict.
 */
export function decide({ policy, participants, limits, state, spent }: Situation): Decision {
  // Skipping a turn that fails is no cure when all fail: one whole round, and at least three, without a word.
  const hopeless = state.failures >= Math.max(3, participants.length);
  const verdict = nextSpeaker(policy, participants, state);
  if (verdict.kind === 'end' && !hopeless) return { kind: 'end', action: 'complete', reason: verdict.reason };
  const reached = limitReached(limits, spent);
  if (reached) return { kind: 'end', action: 'complete', reason: reached };
  if (hopeless || verdict.kind === 'end') return { kind: 'end', action: 'fail', reason: 'every_turn_failed' };
  if (costReached(limits, spent.costNanoUsd)) return { kind: 'pause', reason: 'max_cost_usd', otherwise: verdict };
  return verdict;
}
