import type { Clock } from '../../lib/clock.ts';
import type { Db } from '../../platform/db/queries.ts';
import type { EventTypes } from '../../platform/events/registry.ts';
import type { JobKind, Jobs, RunningJob } from '../../platform/jobs/define.ts';
import { deliver, deliveryOf } from './deliveries/fan-out.ts';
import { countPending, readLog } from './deliveries/store.ts';
import { wants } from './rules.ts';
import { lockWebhook, setReplay } from './store.ts';
import type { Topics } from './topics.ts';

export const REPLAY_JOB = 'webhooks.replay';
export type ReplayPayload = { readonly webhook_id: string; readonly replay_id: string };

type Deps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly jobs: Jobs;
  readonly types: EventTypes;
  readonly topics: Topics;
};

/** Events of the log that one step looks at. */
const PAGE = 200;
/** While so many deliveries of the webhook wait, the replay waits too: it is as fast as its receiver. */
const HIGH_WATER = 1_000;
const PAUSE_MS = 1_000;

/** Pages through the log, a job a page, and puts in line what the webhook wants of it, in the log's order. */
export function replayJob(deps: Deps): JobKind<ReplayPayload> {
  return { kind: REPLAY_JOB, maxAttempts: 20, priority: 'batch', handle: (job) => step(deps, job) };
}

async function step({ db, clock, jobs, types, topics }: Deps, job: RunningJob<ReplayPayload>): Promise<void> {
  const { ctx, payload, key } = job;
  const { webhook_id, replay_id } = payload;
  const again = { kind: REPLAY_JOB, key, payload };
  await db.inTx(ctx, async (tx) => {
    await job.complete(tx);
    const webhook = await lockWebhook(tx, webhook_id);
    const state = webhook?.replay;
    if (!webhook || state?.id !== replay_id || state.status !== 'running') return;
    if (((await countPending(tx, webhook_id, HIGH_WATER))?.waiting ?? 0) >= HIGH_WATER) {
      await jobs.enqueue(tx, { ...again, runAt: new Date(clock.now().getTime() + PAUSE_MS) });
      return;
    }
    const rows = await readLog(tx, { after: state.position, upTo: state.to, limit: PAGE });
    const wanted = rows
      .filter(({ type }) => wants(webhook.types, type, topics.of(type)))
      .map((row) => deliveryOf(types.read(row, state.epoch)));
    const made = await deliver(
      { jobs, tx },
      wanted.map((delivery) => ({ ...delivery, webhook_id, kind: 'replay', batch_id: replay_id })),
    );
    const last = rows.length < PAGE ? undefined : rows.at(-1)?.position;
    await setReplay(tx, webhook_id, {
      ...state,
      status: last === undefined ? 'completed' : 'running',
      position: last ?? state.to,
      enqueued: state.enqueued + made.length,
    });
    if (last !== undefined) await jobs.enqueue(tx, again);
  });
}
