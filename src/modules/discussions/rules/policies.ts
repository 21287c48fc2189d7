import { type TSchema, Type } from 'typebox';
import { type Participant, type State, whole } from './fold.ts';
import { debate } from './policies/debate.ts';
import { graph } from './policies/graph.ts';
import { manual } from './policies/manual.ts';
import { mention } from './policies/mention.ts';
import { moderator } from './policies/moderator.ts';
import { priority } from './policies/priority.ts';
import { roundRobin } from './policies/round_robin.ts';
import { vote } from './policies/vote.ts';
import {
  type Answer,
  afterLast,
  type Brief,
  type Disposal,
  type Fault,
  type Noted,
  type Standing,
  type TurnPolicy,
  type Utterance,
  type Verdict,
} from './policy.ts';

/** Every turn policy there is. A new one is a file beside this and a line here. */
const POLICIES = [roundRobin, priority, mention, moderator, vote, graph, debate, manual] as const;

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

/** Who speaks next, from the folded log alone. What a person or a moderator has chosen counts in every policy. */
export function nextSpeaker(policy: KeptPolicy, participants: readonly Participant[], kept: State): Verdict {
  const state = whole(kept);
  if (state.choice) return { kind: 'speak', ...state.choice };
  return policyOf(policy.type).next(policy, participants, state);
}

/** What a policy makes of an answer to its question; of a ballot with `voter`. */
export function disposeOf(
  policy: KeptPolicy,
  answer: Answer,
  { participants, state, voter }: Standing & { readonly voter?: string | undefined },
): Disposal {
  const standing = { participants, state: whole(state), ...(voter !== undefined && { voter }) };
  const rule = (): Disposal => ({ kind: 'proposal', choice: afterLast(participants, state), refused: null });
  return policyOf(policy.type).dispose?.(answer, standing) ?? rule();
}

/** What an entry is to keep for the policy: whom it calls, and the like. `state` is that before the entry. */
export function heardIn(policy: KeptPolicy, utterance: Utterance, { participants, state }: Standing): Noted {
  return policyOf(policy.type).hear?.(policy, utterance, { participants, state: whole(state) }) ?? {};
}

/** What the policy has to say to whoever speaks now; null: nothing. */
export function briefOf(policy: KeptPolicy, speaker: Participant, { participants, state }: Standing): Brief | null {
  return policyOf(policy.type).brief?.(policy, speaker, { participants, state: whole(state) }) ?? null;
}

/** How many turns a policy takes until it ends by itself; null: it does not. */
export const lengthOf = (policy: KeptPolicy): number | null => policyOf(policy.type).length?.(policy) ?? null;
