import type { Clock } from '../../../lib/clock.ts';
import type { Permission } from '../../../platform/auth/permissions.ts';
import type { Confinement, Ctx } from '../../../platform/context.ts';
import type { Tx } from '../../../platform/db/queries.ts';
import { AppError } from '../../../platform/http/errors.ts';
import type { Jobs } from '../../../platform/jobs/define.ts';
import { missing } from '../interventions/enter.ts';
import { askForUpkeep } from '../memory/enqueue.ts';
import type { RecallDeps } from '../memory/recall.ts';
import { saveGiven } from '../memory/store.ts';
import { turnBudget } from '../rules/limits.ts';
import { type DiscussionRow, lockDiscussion } from '../store.ts';
import { prepareTurn } from '../turns/scene.ts';
import { elapsedMs } from '../turns/step.ts';
import type { Claim, CreateSeatKey, SeatKey } from './schemas.ts';
import { takeFence } from './store.ts';
import { claimantOf, selfIn } from './turn.ts';

const DAY_MS = 24 * 3_600_000;
/** What a seat needs of its discussion. Which routes these open to it, the routes say (`confinedBy`). */
const SCOPES: readonly Permission[] = ['discussions:read', 'discussions:write'];

/** The access module's keys that are good for one thing only. */
export type SeatKeys = {
  issueConfinedKey(
    tx: Tx,
    key: { name: string; scopes: readonly Permission[]; confinedTo: Confinement; expiresAt?: Date | undefined },
  ): Promise<{ readonly id: string; readonly key: string; readonly expires_at: string | null }>;
  revokeConfinedKey(tx: Tx, confinedTo: Confinement): Promise<boolean>;
};

export type SeatsDeps = RecallDeps & { readonly jobs: Jobs; readonly clock: Clock; readonly keys: SeatKeys };

/** Seats: participants who are outside clients, each with a key that opens its own discussion and nothing else. */
export type Seats = {
  /**
   * Makes a seat's key, in place of the one before. Throws `not_found`, `conflict` for a participant that is no seat,
   * `limit_reached`.
   */
  issueKey(tx: Tx, seat: SeatId, input: CreateSeatKey): Promise<SeatKey>;
  /** Ends a seat's key, and its open streams. Throws `not_found` where there is none. */
  revokeKey(ctx: Ctx, seat: SeatId): Promise<void>;
  /**
   * Takes the turn under way, for the seat or the person whose it is, and says what an agent in its place would be told.
   * Claiming again gives a higher fence; then only that
   * one ends the turn. Throws `not_found`, `permission_denied` for who takes no part, `conflict`.
   */
  claim(ctx: Ctx, id: string, turn: number): Promise<Claim>;
};

export type SeatId = { readonly discussion_id: string; readonly participant_id: string };

export function seatsService(deps: SeatsDeps): Seats {
  const { db, clock, keys } = deps;
  return {
    async issueKey(tx, seat, input) {
      // The lock: of two who ask at once, the second one's key takes the place of the first one's.
      const row = await lockDiscussion(tx, seat.discussion_id);
      const participant = row?.participants.find(({ id }) => id === seat.participant_id);
      if (!row) throw missing();
      if (!participant) throw new AppError('not_found', { message: 'There is no such participant.' });
      if (participant.kind !== 'seat') throw new AppError('conflict', { message: 'Only a seat has a key of its own.' });
      const days = input.expires_in_days;
      const { id, key, expires_at } = await keys.issueConfinedKey(tx, {
        name: `Seat ${participant.name}`,
        scopes: SCOPES,
        confinedTo: confinementOf(seat),
        ...(days !== undefined && { expiresAt: new Date(clock.now().getTime() + days * DAY_MS) }),
      });
      return { key, key_id: id, participant_id: participant.id, expires_at };
    },

    async revokeKey(ctx, seat) {
      const revoked = await db.inTx(ctx, (tx) => keys.revokeConfinedKey(tx, confinementOf(seat)));
      if (!revoked) throw new AppError('not_found', { message: 'There is no such seat, or it has no key.' });
    },

    async claim(ctx, id, turn) {
      const claimed = await db.inTx(ctx, async (tx) => {
        const row = await lockDiscussion(tx, id);
        if (!row) throw missing();
        const speaker = claimantOf(row, selfIn(row, ctx), { turn, now: clock.now() });
        return { row, speaker, fence: await takeFence(tx, id) };
      });
      const { row, speaker, fence } = claimed;
      // Read without the lock: what is said meanwhile comes over the stream.
      const { context, kept, upkeep } = await prepareTurn(deps, ctx, { row, speaker, attempt: row.attempt });
      await db.inTx(ctx, async (tx) => {
        const now = await lockDiscussion(tx, id);
        // Outdated already, it is not what the turn's speaker was given; whoever posts with it is told.
        if (!now || now.fence !== fence || now.claimed_step !== now.step) return;
        await saveGiven(tx, id, { turn, kept });
        if (upkeep) await askForUpkeep(deps.jobs, tx, id);
      });
      return { turn, fence, deadline: deadlineOf(row, clock.now()).toISOString(), context };
    },
  };
}

/** A turn that was begun before deadlines were kept ends when its job says so: at the latest then. */
const deadlineOf = (row: DiscussionRow, now: Date): Date =>
  row.deadline ?? new Date(now.getTime() + Math.ceil(turnBudget(row.limits, elapsedMs(row, now)).ms));

const confinementOf = ({ discussion_id, participant_id }: SeatId): Confinement => ({ discussion_id, participant_id });
