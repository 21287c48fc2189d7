import type { Clock } from '../../../lib/clock.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Db } from '../../../platform/db/queries.ts';
import { LeaseLost, type RunningJob } from '../../../platform/jobs/define.ts';
import type { Hub } from '../../../platform/realtime/hub.ts';
import type { Logger } from '../../../platform/telemetry/log.ts';
import type { Agents } from '../../agents/index.ts';
import type { Knowledge } from '../../knowledge/index.ts';
import type { Models } from '../../models/index.ts';
import type { Traces } from '../../traces/index.ts';
import { Stage, type StageDeps, type TurnPayload } from '../stage.ts';
import { type DiscussionRow, lockDiscussion } from '../store.ts';
import type { Keep } from './keep.ts';
import type { Live } from './live.ts';

export type TurnDeps = StageDeps & {
  readonly db: Db;
  readonly clock: Clock;
  readonly hub: Pick<Hub, 'publish' | 'expect'>;
  readonly live: Live;
  readonly keep: Keep;
  readonly agents: Pick<Agents, 'find' | 'release'>;
  readonly knowledge: Pick<Knowledge, 'excerpts' | 'passages'>;
  readonly models: Pick<Models, 'stream'>;
  readonly traces: Pick<Traces, 'get'>;
  /** Other processes serve the same discussions. */
  readonly shared: boolean;
  readonly log: Logger;
};

export type Job = RunningJob<TurnPayload>;

/** Runs `fn` on the discussion, unless it has gone on from this step. */
export async function onStage(
  deps: TurnDeps,
  { ctx, id, step }: { ctx: Ctx; id: string; step: number },
  fn: (stage: Stage) => Promise<unknown>,
): Promise<DiscussionRow | undefined> {
  return deps.db.inTx(ctx, async (tx) => {
    const row = await lockDiscussion(tx, id);
    if (!row || row.step !== step) return undefined;
    const stage = new Stage(deps, tx, { row, now: deps.clock.now() });
    await fn(stage);
    await stage.save();
    return row;
  });
}

/** The same for the end of this job's step: only the newest holder of the job gets through. */
export const commit = (deps: TurnDeps, job: Job, fn: (stage: Stage) => Promise<void>) =>
  onStage(deps, { ctx: job.ctx, id: job.payload.discussion_id, step: job.payload.step }, async (stage) => {
    // Another holder has it: the transaction fails, whatever else was sent meanwhile.
    await Promise.all([job.complete(stage.tx), fn(stage)]);
  });

/** The same for what models were paid for: when somebody was quicker and nothing of it counts, `count` adds its cost. */
export async function commitOrCount(
  deps: TurnDeps,
  job: Job,
  { write, count }: { write: (stage: Stage) => Promise<void>; count: () => Promise<unknown> },
): Promise<void> {
  try {
    if (await commit(deps, job, write)) return;
  } catch (error) {
    // Both mean that nothing was written. Of any other failure nobody knows.
    if (error instanceof LeaseLost || error === job.ctx.signal.reason) await count();
    throw error;
  }
  await count();
}

/** Milliseconds that a discussion has been going until `now`. */
export const elapsedMs = (row: DiscussionRow, now: Date): number =>
  row.elapsed_ms + (row.running_since ? Math.max(0, now.getTime() - row.running_since.getTime()) : 0);
