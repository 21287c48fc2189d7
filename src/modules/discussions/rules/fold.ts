/** Who takes part. `id` is the participant's own; an agent or a person takes part at most once. */
export type Participant = {
  readonly id: string;
  readonly kind: 'agent' | 'user';
  readonly agent_id: string | null;
  readonly user_id: string | null;
  /** Unique within the discussion, without regard to case. */
  readonly name: string;
};

/** What the turn rules see of an entry of the log. */
export type Fact =
  /** Something was said: in the speaker's own turn, or (`turn: null`) in between. */
  | { readonly kind: 'message'; readonly turn: number | null; readonly participantId: string | null }
  /** A model was asked who speaks in this turn, and the rules made a choice of its answer. */
  | { readonly kind: 'proposal'; readonly turn: number; readonly choice: Choice }
  /** A turn ended without a message. Interrupted before the first word, a speaker keeps his place in the order. */
  | {
      readonly kind: 'turn_end';
      readonly turn: number;
      readonly participantId: string;
      readonly outcome: 'skipped' | 'failed' | 'interrupted';
    };

export type Choice = { readonly participantId: string; readonly reason: string };

/** The log, folded: everything that "who speaks next" may depend on. Kept in the discussion's row. */
export type State = {
  /** Turns that ended, in whatever way. */
  readonly turns: number;
  /** Turns that ended with a message or a skip: how far an order has advanced. */
  readonly moves: number;
  /** Who had the last of these. */
  readonly last: string | null;
  /** The choice for the turn that comes, once a moderator has been asked. */
  readonly choice: Choice | null;
  /** Turns that failed since somebody last said something. */
  readonly failures: number;
};

export const EMPTY: State = { turns: 0, moves: 0, last: null, choice: null, failures: 0 };

/** The state after one more entry. */
export function fold(state: State, fact: Fact): State {
  if (fact.kind === 'proposal') return { ...state, choice: fact.choice };
  if (fact.turn === null) return state;
  const ended = { ...state, turns: state.turns + 1, choice: null };
  if (fact.kind === 'message') {
    return { ...ended, moves: state.moves + 1, last: fact.participantId, failures: 0 };
  }
  if (fact.outcome === 'interrupted') return ended;
  const failures = fact.outcome === 'failed' ? state.failures + 1 : state.failures;
  return { ...ended, moves: state.moves + 1, last: fact.participantId, failures };
}
