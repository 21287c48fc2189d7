import type { Ctx } from '../../../platform/context.ts';
import { AppError } from '../../../platform/http/errors.ts';
import { validationFailed } from '../../../platform/http/validation.ts';
import type { Participant } from '../rules/fold.ts';
import { hasEnded } from '../rules/status.ts';
import type { DiscussionRow } from '../store.ts';
import type { TurnHeld } from './schemas.ts';

/** Which participant the caller is: a person, or whoever has a seat's key. An agent speaks for itself. */
export function selfIn({ participants }: DiscussionRow, { actor }: Pick<Ctx, 'actor'>): Participant | undefined {
  if (actor.kind === 'user') return participants.find((p) => p.user_id === actor.id);
  const seat = actor.kind === 'api_key' ? actor.confinedTo?.participant_id : undefined;
  return seat === undefined ? undefined : participants.find((p) => p.kind === 'seat' && p.id === seat);
}

/** Whose turn it is, if that is `self` and may be claimed now. Throws if not. */
export function claimantOf(row: DiscussionRow, self: Participant | undefined, about: Moment): Participant {
  if (!self)
    throw new AppError('permission_denied', { message: 'Only who takes part in a discussion claims its turns.' });
  const { turn, status } = row;
  const refuse = (message: string) => new AppError('conflict', { message, details: { turn, status } });
  if (hasEnded(status) || status === 'paused' || status === 'created') throw refuse(`The discussion is ${status}.`);
  if (about.turn !== turn) throw refuse(`Turn ${turn} is under way.`);
  if (status !== 'waiting' || row.next_speaker?.participant_id !== self.id) throw refuse('It is not your turn.');
  if (isOver(row, about.now)) throw refuse('The time of this turn is over.');
  return self;
}

/**
 * Whether a message ends the turn under way. A person's does when the turn is theirs; a seat's only with a claim, so that
 * of two who hold its key one speaks. Throws `fence_outdated` for a claim that does not hold.
 */
export function endsTurn(
  row: DiscussionRow,
  self: Participant | undefined,
  about: Partial<TurnHeld> & { now: Date },
): boolean {
  const { turn, fence, now } = about;
  const isTheirs = row.status === 'waiting' && self !== undefined && row.next_speaker?.participant_id === self.id;
  if (turn === undefined && fence === undefined) return isTheirs && self.kind !== 'seat';
  if (turn === undefined || fence === undefined) {
    const field = turn === undefined ? 'turn' : 'fence';
    throw validationFailed([
      { in: 'body', field, rule: 'required', message: 'is required: give turn and fence, or neither' },
    ]);
  }
  const refuse = (reason: string, message: string) =>
    new AppError('fence_outdated', { message, details: { reason, turn: row.turn } });
  if (!isTheirs || turn !== row.turn) throw refuse('turn_over', `Turn ${turn} is not yours, or not any more.`);
  if (row.claimed_step !== row.step) throw refuse('not_claimed', `Turn ${turn} was begun anew, or not claimed yet.`);
  if (fence !== row.fence) throw refuse('claimed_again', `Turn ${turn} was claimed again.`);
  if (isOver(row, now)) throw refuse('deadline', `The time of turn ${turn} is over.`);
  return true;
}

type Moment = { readonly turn: number; readonly now: Date };

/** Its job may be late; the time is over all the same. */
const isOver = ({ deadline }: DiscussionRow, now: Date): boolean => deadline !== null && deadline <= now;
