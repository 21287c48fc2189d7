import type { TSchema } from 'typebox';
import type { Choice, Participant, State } from './fold.ts';

/** What a policy says: who speaks and why, or that its model has to be asked first. */
export type Verdict = ({ readonly kind: 'speak' } & Choice) | { readonly kind: 'ask' };

/** A fault of a policy as it was asked for. `path` is below `policy`. */
export type Fault = { readonly fault: { readonly path: string; readonly message: string } };

/**
 * A turn policy: pure, and so the same log always gives the same speaker. One file each; `policies.ts` lists them.
 * `Asked` is what a client sends, `Kept` what is stored and shown.
 */
export type TurnPolicy<Asked = never, Kept = never> = {
  readonly type: string;
  readonly asked: TSchema;
  readonly kept: TSchema;
  /** Checks a request against the participants, and turns names and ids into participants' ids. */
  settle(asked: Asked, participants: readonly Participant[]): { readonly policy: Kept } | Fault;
  next(policy: Kept, participants: readonly Participant[], state: State): Verdict;
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
