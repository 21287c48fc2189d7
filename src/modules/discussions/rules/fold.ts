/**
 * Who takes part. `id` is the participant's own; an agent or a person takes part at most once. A seat is held by whoever
 * has its key; to the rules it is a person, who is waited for.
 */
export type Participant = {
  readonly id: string;
  readonly kind: 'agent' | 'user' | 'seat';
  readonly agent_id: string | null;
  readonly user_id: string | null;
  /** Unique within the discussion, without regard to case. */
  readonly name: string;
};

/** What the policy made of an entry when it was written; kept beside it, so that the fold never reads a text. */
export type Heard = {
  /** Participants whom a message calls, the first one first. */
  readonly calls?: string[];
  /** Edges of the graph, by their place in the policy, whose words occur in it. */
  readonly cues?: number[];
  /** The turn that it ends came along an edge of the graph. */
  readonly edge?: true;
};

/** What the turn rules see of an entry of the log. */
export type Fact =
  /** Something was said: in the speaker's own turn, or (`turn: null`) in between. */
  | ({ readonly kind: 'message'; readonly turn: number | null; readonly participantId: string | null } & Heard)
  /** A model was asked who speaks in this turn, and the rules made a choice of its answer; or a person chose. */
  | { readonly kind: 'proposal'; readonly turn: number; readonly choice: Choice }
  /** A participant was asked who speaks in this turn. Null: the ballot counts for nobody. */
  | { readonly kind: 'ballot'; readonly turn: number; readonly participantId: string; readonly choice: string | null }
  /** A turn ended without a message. Interrupted before the first word, a speaker keeps his place in the order. */
  | ({
      readonly kind: 'turn_end';
      readonly turn: number;
      readonly participantId: string;
      readonly outcome: 'skipped' | 'failed' | 'interrupted';
    } & Pick<Heard, 'edge'>);

export type Choice = {
  readonly participantId: string;
  readonly reason: string;
  /** A person chose. Such a turn stands outside of the policy's order, which goes on after it as if it had not been. */
  readonly named?: true;
};

/** What stands in the room: who is called (`by: null`: from outside), and what was cued; the newest first. */
export type Call = {
  readonly to: readonly { readonly id: string; readonly by: string | null }[];
  readonly cues: readonly number[];
  /** Something of it was said outside of a turn: it outlasts the turn under way, if that ends without a call of its own. */
  readonly aside: boolean;
};

/** The log, folded: everything that "who speaks next" may depend on. Kept in the discussion's row. */
export type State = {
  /** Turns that ended, in whatever way. */
  readonly turns: number;
  /** Turns that ended with a message or a skip: how far an order has advanced. Turns that a person gave do not count. */
  readonly moves: number;
  /** Whether the last of these ended without a message. */
  readonly silent: boolean;
  /** Who had the last turn that ended with a message or a skip. */
  readonly last: string | null;
  /** The choice for the turn that comes, once a moderator has been asked or a person has chosen. */
  readonly choice: Choice | null;
  /** The ballots for the turn that comes, by voter; null before they are cast. */
  readonly ballots: Readonly<Record<string, string | null>> | null;
  /** Turns that failed since somebody last said something. */
  readonly failures: number;
  /** Turns that each participant has had; interrupted before the first word, it was none. */
  readonly taken: Readonly<Record<string, number>>;
  /** How often each edge of the graph was travelled, by `from>to`. */
  readonly travelled: Readonly<Record<string, number>>;
  readonly call: Call | null;
};

export const EMPTY: State = {
  turns: 0,
  moves: 0,
  silent: false,
  last: null,
  choice: null,
  ballots: null,
  failures: 0,
  taken: {},
  travelled: {},
  call: null,
};

/** A state as it was kept, perhaps by a release that knew less of it. */
export const whole = (kept: Partial<State>): State => ({ ...EMPTY, ...kept });

/** The state after one more entry. */
export function fold(kept: State, fact: Fact): State {
  const state = whole(kept);
  if (fact.kind === 'proposal') return { ...state, choice: fact.choice };
  if (fact.kind === 'ballot') {
    return { ...state, ballots: { ...state.ballots, [fact.participantId]: fact.choice } };
  }
  if (fact.turn === null) return { ...state, call: besides(callOf(fact), state.call) };
  const ended = { ...state, turns: state.turns + 1, choice: null, ballots: null };
  // Interrupted before the first word: whoever was called, came next or was named by a person, still is.
  if (fact.kind === 'turn_end' && fact.outcome === 'interrupted') {
    return { ...ended, choice: state.choice?.named ? state.choice : null };
  }
  const speaker = fact.participantId;
  const failed = fact.kind === 'turn_end' && fact.outcome === 'failed';
  const place = state.choice?.named ? {} : { moves: state.moves + 1, silent: fact.kind === 'turn_end' };
  return {
    ...ended,
    ...place,
    last: speaker,
    failures: fact.kind === 'message' ? 0 : state.failures + (failed ? 1 : 0),
    taken: speaker === null ? state.taken : raised(state.taken, speaker),
    travelled: fact.edge ? raised(state.travelled, `${state.last}>${speaker}`) : state.travelled,
    call: callOf(fact) ?? outlasting(state.call, speaker),
  };
}

const raised = (counts: Readonly<Record<string, number>>, key: string) => ({
  ...counts,
  [key]: (counts[key] ?? 0) + 1,
});

function callOf(fact: Fact & { participantId: string | null }): Call | null {
  const { calls = [], cues = [] }: Heard = fact.kind === 'message' ? fact : {};
  if (calls.length + cues.length === 0) return null;
  return { to: calls.map((id) => ({ id, by: fact.participantId })), cues, aside: false };
}

/** A call from outside goes before the one that stands, and takes nothing away from it. */
function besides(call: Call | null, standing: Call | null): Call | null {
  if (!call) return standing;
  const others = standing?.to.filter(({ id }) => call.to.every((one) => one.id !== id)) ?? [];
  const cues = [...new Set([...call.cues, ...(standing?.cues ?? [])])];
  return { to: [...call.to, ...others], cues, aside: true };
}

/** What was called from outside during a turn counts for the next one, except for who has just answered it. */
function outlasting(call: Call | null, speaker: string | null): Call | null {
  if (!call?.aside) return null;
  return { ...call, to: call.to.filter(({ id }) => id !== speaker), aside: false };
}
