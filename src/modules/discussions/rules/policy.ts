import type { TSchema } from 'typebox';
import type { Choice, Participant, State } from './fold.ts';

/** Whose proposal a policy wants: an agent's, a model's, or (neither) that of the tenant's default model. */
export type Asked = { readonly agentId?: string; readonly model?: string };

/** What a policy says: who speaks and why, or who has to be asked first. */
export type Verdict = ({ readonly kind: 'speak' } & Choice) | { readonly kind: 'ask'; readonly who: Asked };

/** The answer to what was asked; `failed` when there was none. */
export type Answer = { readonly text: string } | { readonly failed: true };

/** What the rules made of an answer: always a choice, and why the answer did not count where it did not. */
export type Disposal = { readonly choice: Choice; readonly refused: string | null };

/** A fault of a policy as it was asked for. `path` is below `policy`. */
export type Fault = { readonly fault: { readonly path: string; readonly message: string } };

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
  /** For policies that ask: a model proposes, the rules dispose. */
  dispose?(answer: Answer, participants: readonly Participant[], state: State): Disposal;
};

/** The participant whose own id, agent's id, user's id or name this is. */
export function findParticipant(participants: readonly Participant[], reference: string): Participant | undefined {
  const name = reference.toLowerCase();
  return participants.find(
    (p) => p.id === reference || p.agent_id === reference || p.user_id === reference || p.name.toLowerCase() === name,
  );
}

/** Whoever comes after the last speaker in the list of participants; the first when nobody has spoken. */
export function afterLast(participants: readonly Participant[], state: State): Choice {
  const at = participants.findIndex((p) => p.id === state.last);
  const chosen = participants[(at + 1) % participants.length] as Participant;
  const last = participants[at];
  return { participantId: chosen.id, reason: last ? `Next in order after ${last.name}.` : 'First in order.' };
}
