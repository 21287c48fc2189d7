import { type TSchema, Type } from 'typebox';
import type { Participant, State } from './fold.ts';
import { moderator } from './moderator.ts';
import { type Answer, afterLast, type Disposal, type Fault, type TurnPolicy, type Verdict } from './policy.ts';
import { roundRobin } from './round_robin.ts';

/** Every turn policy there is. A new one is a file beside this and a line here. */
const POLICIES = [roundRobin, moderator] as const;

type Each = (typeof POLICIES)[number];
type AskedOf<P> = P extends TurnPolicy<infer A, infer _K> ? A : never;
type KeptOf<P> = P extends TurnPolicy<infer _A, infer K> ? K : never;
export type AskedPolicy = AskedOf<Each>;
export type KeptPolicy = KeptOf<Each>;

export const AskedPolicy = Type.Unsafe<AskedPolicy>(Type.Union(POLICIES.map((p): TSchema => p.asked)));
export const KeptPolicy = Type.Unsafe<KeptPolicy>(Type.Union(POLICIES.map((p): TSchema => p.kept)));

/** The schemas above let through only types that are listed, so one is always found. */
function policyOf(type: string): TurnPolicy<AskedPolicy, KeptPolicy> {
  return POLICIES.find((p) => p.type === type) as unknown as TurnPolicy<AskedPolicy, KeptPolicy>;
}

export function settlePolicy(
  asked: AskedPolicy,
  participants: readonly Participant[],
): { readonly policy: KeptPolicy } | Fault {
  return policyOf(asked.type).settle(asked, participants);
}

/** Who speaks next, from the folded log alone. */
export function nextSpeaker(policy: KeptPolicy, participants: readonly Participant[], state: State): Verdict {
  return policyOf(policy.type).next(policy, participants, state);
}

/** What a policy makes of the answer to its question. */
export function disposeOf(
  policy: KeptPolicy,
  answer: Answer,
  { participants, state }: { participants: readonly Participant[]; state: State },
): Disposal {
  const { dispose } = policyOf(policy.type);
  return dispose?.(answer, participants, state) ?? { choice: afterLast(participants, state), refused: null };
}
