import type { Discussion, Participant, Turn } from '@parley/sdk';
import { words } from '../../lib/format.ts';
import { type ArenaState, heard, isOpen, onStage, turnOf } from '../state.ts';
import { hueIn } from '../words.ts';

export type Role = 'speaking' | 'thinking' | 'waiting' | 'asked' | 'next' | 'passed' | 'quiet';

export type Place = {
  participant: Participant;
  /** Their number in the discussion's order: the key that names them. */
  number: number;
  hue: number;
  role: Role;
  /** `passed`: how their turn ended without a message, or before its end. */
  passed: string | undefined;
  /** Words, those of the turn under way included. */
  said: number;
  /** The colours of those who cast their ballot for this one for the turn under way. */
  proposedBy: { hue: number; name: string }[];
};

export type Line = { from: string; to: string; hue: number };

/** Everybody at the table as they stand now, in the discussion's order. */
export function placesOf(
  state: ArenaState,
  discussion: Discussion,
  voices: ReadonlyMap<string | null, number>,
): Place[] {
  const stage = onStage(state);
  const proposals = proposalsNow(state, discussion);
  const choosing = isChoosing(state, discussion);
  const last = state.turns.findLast(({ ended_at }) => ended_at !== null);
  return discussion.participants.map((participant, index) => {
    const here = stage?.participantId === participant.id;
    const streaming = here && stage.speaking && state.live !== undefined;
    const now = streaming && state.live ? words(heard(state.live)) : 0;
    const passed = last?.participant_id === participant.id ? passedText(last) : undefined;
    let role: Role = passed === undefined ? 'quiet' : 'passed';
    if (here && discussion.status === 'waiting') role = 'waiting';
    else if (streaming) role = now > 0 ? 'speaking' : 'thinking';
    else if (here && isOpen(discussion)) role = discussion.status === 'running' ? 'thinking' : 'next';
    else if (choosing && discussion.policy.type === 'vote' && participant.kind === 'agent') role = 'asked';
    return {
      participant,
      number: index + 1,
      hue: hueIn(discussion, participant.id),
      role,
      passed,
      said: (voices.get(participant.id) ?? 0) + now,
      proposedBy: proposals.flatMap(({ kind, choice, by, participant_id }) =>
        kind === 'ballot' && choice === participant.id ? [{ hue: hueIn(discussion, participant_id), name: by }] : [],
      ),
    };
  });
}

/** A turn that did not end with its whole message. */
function passedText({ status, error }: Turn): string | undefined {
  if (status === 'skipped') return error ? 'could not speak' : 'passed';
  if (status === 'failed') return 'could not speak';
  return status === 'interrupted' ? 'interrupted' : undefined;
}

/** `true` while models are asked who speaks next. */
export const isChoosing = ({ live }: ArenaState, { status, next_speaker }: Discussion): boolean =>
  status === 'running' && next_speaker === null && live === undefined;

/** `true` while a person has to name the next speaker. */
export const isAwaitingChoice = ({ status, next_speaker }: Discussion): boolean =>
  status === 'waiting' && next_speaker === null;

/** Proposals and ballots for the turn that is under way. */
export function proposalsNow(state: ArenaState, discussion: Discussion): Turn['proposals'] {
  if (!isOpen(discussion)) return [];
  return turnOf(state, state.live?.turn ?? discussion.turn)?.proposals ?? [];
}

/** Who proposed whom. */
export function linesOf(proposals: Turn['proposals'], discussion: Discussion): Line[] {
  return proposals.flatMap(({ participant_id: from, choice: to }) =>
    from === null || to === null || from === to ? [] : [{ from, to, hue: hueIn(discussion, from) }],
  );
}

/** The ways of a graph, those from whoever has the word in their colour. */
export function waysOf(state: ArenaState, discussion: Discussion): (Line & { open: boolean })[] {
  const { policy } = discussion;
  if (policy.type !== 'graph') return [];
  const now = isOpen(discussion) ? onStage(state)?.participantId : undefined;
  return policy.edges.map(({ from, to }) => ({ from, to, hue: hueIn(discussion, from), open: from === now }));
}
