import { decide } from '../../../src/modules/discussions/rules/decide.ts';
import { EMPTY, type Fact, fold, type Participant, type State } from '../../../src/modules/discussions/rules/fold.ts';
import {
  type AskedPolicy,
  disposeOf,
  heardIn,
  type KeptPolicy,
  settlePolicy,
} from '../../../src/modules/discussions/rules/policies.ts';

/** One step of a story; see contracts/cases/README.md. */
export type Step =
  | { readonly says: string; readonly text: string }
  | { readonly interjects: string | null; readonly text: string }
  | { readonly ends: string; readonly how: 'skipped' | 'failed' | 'interrupted' }
  | { readonly answers: string | null; readonly text: string | null; readonly refused: string | null }
  | { readonly chooses: string }
  | { readonly next: Next };
/** What follows, by names. */
export type Next =
  | { readonly speaks: string; readonly reason: string }
  | { readonly asks: readonly (string | null)[] }
  | { readonly waits: string }
  | { readonly ends: string; readonly reason: string };

export type Story = {
  readonly name: string;
  readonly participants: readonly { readonly name: string; readonly kind: Participant['kind'] }[];
  readonly policy: AskedPolicy;
  readonly max_turns?: number;
} & ({ readonly fault: { readonly field: string; readonly message: string } } | { readonly story: readonly Step[] });

export const people = (story: Story): Participant[] =>
  story.participants.map(({ name, kind }, index) => ({
    id: `00000000-0000-7000-8000-${String(index + 1).padStart(12, '0')}`,
    kind,
    agent_id: kind === 'agent' ? `10000000-0000-7000-8000-${String(index + 1).padStart(12, '0')}` : null,
    user_id: kind === 'user' ? `20000000-0000-7000-8000-${String(index + 1).padStart(12, '0')}` : null,
    name,
  }));

/** Plays a story by the rules of the server: entries into facts, facts into a state, a state into what follows. */
export class Play {
  readonly #participants: readonly Participant[];
  readonly #policy: KeptPolicy;
  readonly #maxTurns: number;
  #state: State = EMPTY;

  constructor(story: Story, policy: KeptPolicy) {
    this.#participants = people(story);
    this.#policy = policy;
    this.#maxTurns = story.max_turns ?? 1_000;
  }

  static of(story: Story): Play | { readonly fault: { readonly field: string; readonly message: string } } {
    const settled = settlePolicy(story.policy, people(story));
    if ('policy' in settled) return new Play(story, settled.policy);
    return { fault: { field: `policy.${settled.fault.path}`, message: settled.fault.message } };
  }

  next(): Next {
    const decision = decide({
      policy: this.#policy,
      participants: this.#participants,
      limits: { max_turns: this.#maxTurns, turn_timeout_seconds: 120 },
      state: this.#state,
      spent: { turns: this.#state.turns, tokens: 0, costNanoUsd: 0, elapsedMs: 0 },
    });
    if (decision.kind === 'speak') return { speaks: this.#name(decision.participantId), reason: decision.reason };
    if (decision.kind === 'ask') {
      return { asks: decision.who.map(({ voter }) => (voter === undefined ? null : this.#name(voter))) };
    }
    if (decision.kind === 'wait') return { waits: decision.reason };
    if (decision.kind === 'end') return { ends: decision.action, reason: decision.reason };
    throw new Error('Nothing costs anything here');
  }

  /** Enters what happened into the log. Answers why a ballot or a proposal did not count. */
  enter(step: Exclude<Step, { next: Next }>): string | null {
    const turn = this.#state.turns + 1;
    if ('chooses' in step) {
      const choice = { participantId: this.#id(step.chooses), reason: 'Chosen by somebody.', named: true } as const;
      this.#add({ kind: 'proposal', turn, choice });
      return null;
    }
    if ('answers' in step) return this.#answer(step, turn);
    const participantId = this.#by(step);
    const inTurn = 'interjects' in step ? null : turn;
    const text = 'text' in step ? step.text : '';
    const standing = { participants: this.#participants, state: this.#state };
    const { verdict: _, ...heard } = heardIn(this.#policy, { turn: inTurn, participantId, text }, standing);
    if ('ends' in step) {
      const { edge } = heard;
      this.#add({
        kind: 'turn_end',
        turn,
        participantId: participantId as string,
        outcome: step.how,
        ...(edge && { edge }),
      });
    } else this.#add({ kind: 'message', turn: inTurn, participantId, ...heard });
    return null;
  }

  #answer({ answers, text }: Extract<Step, { answers: unknown }>, turn: number): string | null {
    const voter = answers === null ? undefined : this.#id(answers);
    const standing = { participants: this.#participants, state: this.#state, voter };
    const disposal = disposeOf(this.#policy, text === null ? { failed: true } : { text }, standing);
    if (disposal.kind === 'proposal') this.#add({ kind: 'proposal', turn, choice: disposal.choice });
    else this.#add({ kind: 'ballot', turn, participantId: voter as string, choice: disposal.choice });
    return disposal.refused;
  }

  #by(step: { says: string } | { interjects: string | null } | { ends: string }): string | null {
    if ('says' in step) return this.#id(step.says);
    if ('ends' in step) return this.#id(step.ends);
    return step.interjects === null ? null : this.#id(step.interjects);
  }

  #add(fact: Fact): void {
    this.#state = fold(this.#state, fact);
  }

  #id(name: string): string {
    const found = this.#participants.find((p) => p.name === name);
    if (!found) throw new Error(`Nobody is called ${name}`);
    return found.id;
  }

  #name(id: string): string {
    return this.#participants.find((p) => p.id === id)?.name ?? id;
  }
}
