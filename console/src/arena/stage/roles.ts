import type { Discussion, Participant, Turn } from '@parley/sdk';
import { words } from '../../lib/format.ts';
import { type ArenaState, heard, isOpen, onStage, turnOf } from '../state.ts';
import { hueIn } from '../words.ts';

export type Role = 'speaking' | 'thinking' | 'waiting' | 'asked' | 'next' | 'quiet';

export type Place = {
  participant: Participant;
  hue: number;
  role: Role;
  /** Words, those of the turn under way included. */
  said: number;
  /** The colours of those who proposed this one for the turn under way. */
  proposedBy: { hue: number; name: string }[];
};

export type Line = { from: number; to: number; hue: number };

/** Everybody at the table as they stand now. */
export function placesOf(
  state: ArenaState,
  discussion: Discussion,
  voices: ReadonlyMap<string | null, number>,
): Place[] {
  const stage = onStage(state);
  const proposals = proposalsNow(state, discussion);
  const choosing = isChoosing(state, discussion);
  return discussion.participants.map((participant) => {
    const here = stage?.participantId === participant.id;
    const streaming = here && stage.speaking && state.live !== undefined;
    const now = streaming && state.live ? words(heard(state.live)) : 0;
    let role: Role = 'quiet';
    if (here && discussion.status === 'waiting') role = 'waiting';
    else if (streaming) role = now > 0 ? 'speaking' : 'thinking';
    else if (here && isOpen(discussion)) role = discussion.status === 'running' ? 'thinking' : 'next';
    else if (choosing && discussion.policy.type === 'vote' && participant.kind === 'agent') role = 'asked';
    return {
      participant,
      hue: hueIn(discussion, participant.id),
      role,
      said: (voices.get(participant.id) ?? 0) + now,
      proposedBy: proposals.flatMap(({ choice, by, participant_id }) =>
        choice === participant.id ? [{ hue: hueIn(discussion, participant_id), name: by }] : [],
      ),
    };
  });
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

/** Who proposed whom, by their places at the table. */
export function linesOf(proposals: Turn['proposals'], discussion: Discussion): Line[] {
  const at = (id: string | null): number => discussion.participants.findIndex((participant) => participant.id === id);
  return proposals.flatMap(({ participant_id, choice }) => {
    const [from, to] = [at(participant_id), at(choice)];
    return from < 0 || to < 0 || from === to ? [] : [{ from, to, hue: hueIn(discussion, participant_id) }];
  });
}

/** Where a place is round the table, from −1 to 1 each way, clockwise from the top. */
export function round(index: number, places: number): { x: number; y: number } {
  if (places === 1) return { x: 0, y: -1 };
  // An even number leaves the top free, so that two sit side by side there.
  const angle = ((index + (places % 2 === 0 ? 0.5 : 0)) / places) * 2 * Math.PI - Math.PI / 2;
  return { x: Math.cos(angle), y: Math.sin(angle) };
}

/** How far a place stands back, from 0 to 1, where all stand in a row: a shallow arc. */
export function arc(index: number, places: number): number {
  const x = places < 2 ? 0 : (index / (places - 1)) * 2 - 1;
  return 1 - x * x;
}
