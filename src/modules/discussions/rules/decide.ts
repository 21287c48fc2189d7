import type { Participant, State } from './fold.ts';
import { type LimitName, type Limits, limitReached, type Spent } from './limits.ts';
import { type KeptPolicy, nextSpeaker } from './policies.ts';
import type { Verdict } from './policy.ts';

/** What happens next: somebody speaks, a model is asked who, or the discussion ends and why. */
export type Decision =
  | Verdict
  | { readonly kind: 'end'; readonly action: 'complete'; readonly reason: LimitName }
  | { readonly kind: 'end'; readonly action: 'fail'; readonly reason: 'every_turn_failed' };

export type Situation = {
  readonly policy: KeptPolicy;
  readonly participants: readonly Participant[];
  readonly limits: Limits;
  readonly state: State;
  readonly spent: Spent;
};

/** Limits first, then whether it still makes sense, then the policy. Pure. */
export function decide({ policy, participants, limits, state, spent }: Situation): Decision {
  const reached = limitReached(limits, spent);
  if (reached) return { kind: 'end', action: 'complete', reason: reached };
  // Skipping a turn that fails is no cure when all fail: one whole round, and at least three, without a word.
  if (state.failures >= Math.max(3, participants.length)) {
    return { kind: 'end', action: 'fail', reason: 'every_turn_failed' };
  }
  return nextSpeaker(policy, participants, state);
}
