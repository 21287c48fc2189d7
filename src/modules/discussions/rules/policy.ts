import type { TSchema } from 'typebox';
import type { Hint } from '../../models/index.ts';
import type { Choice, Heard, Participant, State } from './fold.ts';

/** Whose proposal or ballot a policy wants: an agent's, a model's, or (neither) that of the tenant's default model. */
export type Asked = {
  readonly agentId?: string;
  readonly model?: string;
  /** The participant whose ballot it is. */
  readonly voter?: string;
};

/** Why a policy ends a discussion by itself. */
export type Ending = 'verdict' | 'no_verdict' | 'end_of_graph';

/** What a policy says: who speaks and why, who has to be asked first, that a person has to choose, or that it is over. */
export type Verdict =
  | ({ readonly kind: 'speak' } & Choice)
  | { readonly kind: 'ask'; readonly who: readonly Asked[] }
  | { readonly kind: 'wait'; readonly reason: 'choose_next' }
  | { readonly kind: 'end'; readonly reason: Ending };

/** The answer to what was asked; `failed` when there was none. */
export type Answer = { readonly text: string } | { readonly failed: true };

/** Why a proposal or a ballot did not count. */
export type Refusal = 'names_nobody' | 'names_several' | 'names_oneself' | 'failed';

/** What the rules made of an answer: a moderator's always gives a choice, a ballot may count for nobody. */
export type Disposal =
  | { readonly kind: 'proposal'; readonly choice: Choice; readonly refused: Refusal | null }
  | { readonly kind: 'ballot'; readonly choice: string | null; readonly refused: Refusal | null };

/** A fault of a policy as it was asked for. `path` is below `policy`. */
export type Fault = { readonly fault: { readonly path: string; readonly message: string } };

/** Where a discussion stands: all that a policy is told. */
export type Standing = { readonly participants: readonly Participant[]; readonly state: State };

/** Something that is being entered into the log. `turn: null`: outside of a turn. */
export type Utterance = {
  readonly turn: number | null;
  readonly participantId: string | null;
  readonly text: string;
  /** A turn ended without a message; an empty message is one. */
  readonly silent?: boolean;
};

/** What an entry keeps of what the policy heard in it. */
export type Noted = Heard & {
  /** A judge's message: the side that it names, null where it names none. */
  readonly verdict?: { readonly side: string | null };
};

/** What a speaker is told beside his instructions; `hint` is the same for the rehearsal, which understands no sentence. */
export type Brief = { readonly text: string; readonly hint?: Hint };

/**
 * A turn policy: pure, and so the same log always gives the same speaker. One file each; `policies.ts` lists them.
 * `Wanted` is what a client sends, `Kept` what is stored and shown.
 */
export type TurnPolicy<Wanted = never, Kept = never> = {
  readonly type: string;
  readonly asked: TSchema;
  readonly kept: TSchema;
  /** Checks a request against the participants, and turns names and ids into participants' ids. */
  settle(wanted: Wanted, participants: readonly Participant[]): { readonly policy: Kept } | Fault;
  next(policy: Kept, participants: readonly Participant[], state: State): Verdict;
  /** For policies that ask: models propose, the rules dispose. `voter` is whose ballot it is. */
  dispose?(answer: Answer, standing: Standing & { readonly voter?: string }): Disposal;
  /** What an entry means to this policy; kept with it. `state` is that before the entry. */
  hear?(policy: Kept, utterance: Utterance, standing: Standing): Noted;
  brief?(policy: Kept, speaker: Participant, standing: Standing): Brief | null;
  /** How many turns it takes until it ends by itself. */
  length?(policy: Kept): number;
};

/** The participant whose own id, agent's id, user's id or name this is: a name that looks like an id takes nobody's place. */
export function findParticipant(participants: readonly Participant[], reference: string): Participant | undefined {
  const name = reference.toLowerCase();
  return (
    participants.find((p) => p.id === reference || p.agent_id === reference || p.user_id === reference) ??
    participants.find((p) => p.name.toLowerCase() === name)
  );
}

/** Whoever comes after the last speaker in the list of participants; the first when nobody has spoken. */
export function afterLast(participants: readonly Participant[], state: State): Choice {
  const at = participants.findIndex((p) => p.id === state.last);
  const chosen = participants[(at + 1) % participants.length] as Participant;
  const last = participants[at];
  return { participantId: chosen.id, reason: last ? `Next in order after ${last.name}.` : 'First in order.' };
}

/** Why the rule chose in place of an answer that did not count. */
export const byRule = (why: string, rule: Choice): Choice => ({
  participantId: rule.participantId,
  reason: `${why}. By rule: ${rule.reason.charAt(0).toLowerCase()}${rule.reason.slice(1)}`,
});
