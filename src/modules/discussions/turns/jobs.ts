import type { JobKind } from '../../../platform/jobs/define.ts';
import { nextSpeaker } from '../rules/policies.ts';
import { type Stage, TURN_JOB, type TurnPayload } from '../stage.ts';
import { findDiscussion } from '../store.ts';
import { ask, propose } from './ask.ts';
import { speak } from './speak.ts';
import { commit, type Job, onStage, type TurnDeps } from './step.ts';

const LOST_JOB = 'discussions.turn_lost';
type LostPayload = {
  readonly discussion_id: string;
  readonly step: number;
  readonly code: string;
  readonly message: string;
};

/**
 * The jobs of a discussion: one a step. It lets an agent speak, asks a moderator or holds a vote, or ends a person's time. Whatever
 * comes of it is written in one transaction, which the discussion's step and the job's fence both guard: killed at any
 * point, another attempt is made, and exactly one message is written.
 */
export function turnJobs(deps: TurnDeps): JobKind[] {
  const turn: JobKind<TurnPayload> = {
    kind: TURN_JOB,
    maxAttempts: 5,
    // Turns watch their own clock; this is only for one that has lost it.
    timeoutMs: 25 * 3_600_000,
    // Each takes some 60 KB and a connection to a provider (platform/net has 4,096 to each).
    concurrency: 2_048,
    priority: 'interactive',
    handle: (job) => handle(deps, job),
    // This transaction holds the job's lock already. Locking the discussion too would be the wrong way round.
    async onGivenUp(tx, job, error) {
      const payload: LostPayload = { discussion_id: job.payload.discussion_id, step: job.payload.step, ...error };
      await deps.jobs.enqueue(tx, { kind: LOST_JOB, key: `${payload.discussion_id}/${payload.step}`, payload });
    },
  };
  const lost: JobKind<LostPayload> = {
    kind: LOST_JOB,
    maxAttempts: 20,
    priority: 'interactive',
    async handle(job) {
      const { discussion_id, step, code, message } = job.payload;
      await onStage(deps, { ctx: job.ctx, id: discussion_id, step }, async (stage) => {
        await job.complete(stage.tx);
        await giveUp(stage, { code, message });
      });
    },
  };
  return [turn, lost] as JobKind[];
}

async function handle(deps: TurnDeps, job: Job): Promise<void> {
  const row = await findDiscussion(deps.db.reader(job.ctx), job.payload.discussion_id);
  if (!row || row.step !== job.payload.step) return;
  if (row.status === 'waiting') {
    await commit(deps, job, async (stage) => {
      if (stage.speaker) await stage.skip('timeout');
      await stage.next();
    });
  } else if (row.status === 'running') {
    const speaker = row.participants.find((p) => p.id === row.next_speaker?.participant_id);
    if (speaker) return speak(deps, job, { row, speaker });
    const verdict = nextSpeaker(row.policy, row.participants, row.state);
    if (verdict.kind === 'ask') return ask(deps, job, { row, who: verdict.who });
    // The policy needs nobody's proposal after all: a release that knows better than the one that made this job.
    await commit(deps, job, (stage) => stage.next());
  }
}

/** Nothing more can be expected of this step. */
async function giveUp(stage: Stage, error: { code: string; message: string }): Promise<void> {
  const { status, policy, participants, state } = stage.row;
  if (status === 'waiting') {
    if (stage.speaker) await stage.skip('timeout', error);
    return stage.next();
  }
  if (stage.speaker) return stage.fail(error, null);
  const verdict = nextSpeaker(policy, participants, state);
  const who = verdict.kind === 'ask' ? verdict.who : [];
  await propose(
    stage,
    who.map((asked) => ({ asked, answer: { failed: true } })),
  );
}
