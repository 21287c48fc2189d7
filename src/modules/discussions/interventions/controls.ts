import { isDeepStrictEqual } from 'node:util';
import type { Ctx } from '../../../platform/context.ts';
import { append } from '../../../platform/events/outbox.ts';
import { AppError } from '../../../platform/http/errors.ts';
import { validationFailed } from '../../../platform/http/validation.ts';
import { announceStart } from '../create.ts';
import { discussionResumed } from '../events.ts';
import { fault } from '../participants.ts';
import { discussionOf, needsOf } from '../present.ts';
import type { Participant } from '../rules/fold.ts';
import type { Limits } from '../rules/limits.ts';
import { findParticipant } from '../rules/policy.ts';
import { hasEnded, isGoing } from '../rules/status.ts';
import type { Discussions, DiscussionsDeps, Prelude } from '../service.ts';
import type { Stage } from '../stage.ts';
import type { DiscussionRow } from '../store.ts';
import { type Cut, closeTurn, cutTurn, enter, heard, keepWhatWasSaid } from './enter.ts';

/** Gives a discussion that stands other limits. Throws `conflict` when it stands for its cost, and still would. */
function raise(row: DiscussionRow, limits: Partial<Limits>): void {
  const needed = needsOf(row);
  row.limits = { ...row.limits, ...limits };
  // Lowered below what it has cost, it would only stand again.
  const needs = needed ?? needsOf(row);
  if (needs === null || (row.limits.max_cost_usd ?? 0) >= needs.max_cost_usd) return;
  throw new AppError('conflict', {
    message: `The discussion has cost what it may: it needs a max_cost_usd of at least ${needs.max_cost_usd}.`,
    details: { needs },
  });
}

function participantNamed({ participants }: DiscussionRow, reference: string): Participant {
  const found = findParticipant(participants, reference);
  if (!found) throw validationFailed([fault('next_speaker', 'exists', 'is not a participant')]);
  return found;
}

const nobodyHasTheTurn = ({ status, turn }: DiscussionRow) =>
  new AppError('conflict', {
    message: status === 'waiting' ? 'Say who speaks next.' : 'Models are being asked who speaks next.',
    details: { turn },
  });

export function controls(
  deps: DiscussionsDeps,
  prelude: (ctx: Ctx) => Promise<Prelude>,
): Pick<Discussions, 'pause' | 'resume' | 'cancel' | 'advance'> {
  /** Runs `act` on the locked discussion; false says that nothing was to be done. */
  const change = async (
    ctx: Ctx,
    id: string,
    act: (stage: Stage, about: Prelude & { cut: Cut }) => Promise<boolean>,
  ) => {
    const about = await prelude(ctx);
    const row = await deps.db.inTx(ctx, async (tx) => {
      const { stage, cut } = await enter(deps, tx, id);
      if (await act(stage, { ...about, cut })) await stage.save();
      return stage.row;
    });
    return discussionOf(row, { now: deps.clock.now(), cursor: about.cursor });
  };
  const refuse = (row: DiscussionRow): never => {
    throw new AppError('conflict', { message: `The discussion is ${row.status}.` });
  };

  return {
    pause: (ctx, id) =>
      change(ctx, id, async (stage, { by, cut }) => {
        const { row } = stage;
        if (row.status === 'paused') return false;
        if (row.status !== 'running' && row.status !== 'waiting') return refuse(row);
        await stage.spend((await heard(deps, stage, cut.step)).usage);
        cut.stop();
        await stage.stop({ reason: 'requested', by, turn: 'paused' });
        return true;
      }),

    resume: (ctx, id, limits = {}) =>
      change(ctx, id, async (stage, { by }) => {
        const { row, tx } = stage;
        if (isGoing(row.status)) {
          if (isDeepStrictEqual({ ...row.limits, ...limits }, row.limits)) return false;
          throw new AppError('conflict', { message: 'Limits are changed while a discussion stands: pause it first.' });
        }
        if (row.status === 'paused') raise(row, limits);
        else row.limits = { ...row.limits, ...limits };
        if (row.status === 'created') announceStart(tx, id, by);
        else if (row.status === 'paused') {
          append(tx, discussionResumed, { stream: stage.stream, subject: id, data: { discussion_id: id, by } });
        } else return refuse(row);
        await stage.next();
        return true;
      }),

    cancel: (ctx, id) =>
      change(ctx, id, async (stage, { by, cut }) => {
        const { row } = stage;
        if (row.status === 'cancelled') return false;
        if (hasEnded(row.status)) return refuse(row);
        const { status, status_reason: reason, attempt } = row;
        // A turn that failed stays as it is; one that was waited for, or stood with its discussion, is over.
        const isOpen = status === 'waiting' || reason === 'requested' || reason === 'max_cost_usd';
        if (status === 'running') await keepWhatWasSaid(deps, stage, cut);
        else if (isOpen && attempt > 0) await closeTurn(deps, stage);
        await stage.halt();
        await stage.end('cancel', 'requested', by);
        return true;
      }),

    advance: (ctx, id, { turn, next_speaker: reference }) =>
      change(ctx, id, async (stage, { by, cut }) => {
        const { row } = stage;
        if (!isGoing(row.status)) return refuse(row);
        if (turn !== undefined && turn !== row.turn) {
          throw new AppError('conflict', { message: `Turn ${row.turn} is under way.`, details: { turn: row.turn } });
        }
        const named = reference === undefined ? undefined : participantNamed(row, reference);
        // Pressed twice: that one has this turn already, because somebody said so.
        if (named && turn !== undefined && row.state.choice?.named && stage.speaker === named) return false;
        if (!named && !stage.speaker) throw nobodyHasTheTurn(row);
        if (row.status === 'running') await cutTurn(deps, stage, { cut, otherwise: 'advanced' });
        else {
          await stage.halt();
          if (stage.speaker) await stage.skip('advanced');
        }
        if (named) await stage.choose(named, by);
        await stage.next();
        return true;
      }),
  };
}
