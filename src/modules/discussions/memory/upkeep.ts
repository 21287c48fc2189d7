import { AppError } from '../../../platform/http/errors.ts';
import type { JobKind, RunningJob } from '../../../platform/jobs/define.ts';
import type { GenerateResult } from '../../models/index.ts';
import { costReached, limitReached } from '../rules/limits.ts';
import { retryAfter } from '../rules/retry.ts';
import { hasEnded } from '../rules/status.ts';
import { type DiscussionRow, findDiscussion, lockDiscussion } from '../store.ts';
import { recorded, spentOn, storable } from '../turns/cut.ts';
import { elapsedMs, type TurnDeps } from '../turns/step.ts';
import { askForUpkeep, MEMORY_JOB, type MemoryPayload } from './enqueue.ts';
import * as store from './store.ts';
import { MAX_SUMMARY_CHARS, nextPart, summaryRequest } from './summary.ts';
import { memoryFor, summaryGoal } from './window.ts';

/** A model that fails is asked so often; then it is left until the next turn finds the summary behind. */
const TRIES = 3;
/** Messages whose words are made in one statement: some 50 ms of the database's. */
const WORDS_AT_ONCE = 500;

/** The job that keeps a discussion's memory up: the words of its messages, and its rolling summary. */
export function memoryJobs(deps: TurnDeps): JobKind[] {
  const upkeep: JobKind<MemoryPayload> = {
    kind: MEMORY_JOB,
    maxAttempts: TRIES + 1,
    timeoutMs: 180_000,
    concurrency: 16,
    priority: 'batch',
    handle: (job) => keepUp(deps, job),
  };
  return [upkeep] as JobKind[];
}

type Job = RunningJob<MemoryPayload>;

async function keepUp(deps: TurnDeps, job: Job): Promise<void> {
  const { db, agents } = deps;
  const reader = db.reader(job.ctx);
  const row = await findDiscussion(reader, job.payload.discussion_id);
  if (!row || hasEnded(row.status)) return;
  const own = new Map(
    (
      await agents.find(
        reader,
        row.participants.flatMap((p) => p.agent_id ?? []),
      )
    ).map((agent) => [agent.id, agent]),
  );
  const memories = row.participants.map((p) => memoryFor(row.memory, own.get(p.agent_id ?? '')));
  if (memories.some(({ retrieval }) => retrieval > 0)) await keepWords(deps, job, row);
  await summarise(deps, job, { row, goal: summaryGoal(memories, row.last_seq) });
}

/** In small transactions: whatever comes in between, they go on where the words end. */
async function keepWords({ db }: TurnDeps, { ctx }: Job, row: DiscussionRow): Promise<void> {
  const next = { upTo: row.last_seq, limit: WORDS_AT_ONCE };
  while ((await db.inTx(ctx, (tx) => store.addWords(tx, row.id, next))) === WORDS_AT_ONCE);
}

/** One step of the summary, and (in the same transaction) the next job where it is not the last. */
async function summarise(deps: TurnDeps, job: Job, about: { row: DiscussionRow; goal: number }): Promise<void> {
  const { row, goal } = about;
  const reader = deps.db.reader(job.ctx);
  const before = await store.findSummary(reader, row.id);
  if (goal <= (before?.up_to_seq ?? 0) || isSpent(row, deps.clock.now())) return;
  const part = await nextPart(reader, row.id, { from: (before?.up_to_seq ?? 0) + 1, to: goal });
  const request = summaryRequest({ row, before: before?.text, said: part.said });
  const generation = deps.models.stream(job.ctx, request);
  let result: GenerateResult;
  try {
    result = await generation.result;
    if (result.text.trim() === '') throw new AppError('model_unavailable', { message: 'The summary is empty.' });
  } catch (error) {
    const spent = await recorded(deps, { ...job.ctx, signal: AbortSignal.timeout(5_000) }, generation);
    await deps.db.inTx({ ...job.ctx, signal: AbortSignal.timeout(5_000) }, (tx) =>
      store.addSummaryCost(tx, row.id, spent),
    );
    if (job.ctx.signal.aborted || !(error instanceof AppError)) throw error;
    if (job.attempt < TRIES && mayPass(error.code)) throw error;
    const about = { tenant_id: job.ctx.tenantId, discussion_id: row.id, code: error.code };
    return deps.log.warn('A summary could not be written; it is tried again after the next turn', about);
  }
  await deps.db.inTx(job.ctx, async (tx) => {
    const now = await lockDiscussion(tx, row.id);
    await job.complete(tx);
    const spent = spentOn(result);
    await store.addSummaryCost(tx, row.id, spent);
    const text = storable(result.text.trim()).slice(0, MAX_SUMMARY_CHARS).toWellFormed();
    const { model, generationId: generation_id } = result;
    const made = { up_to_seq: part.upTo, text, model, generation_id, ...spent, created_at: deps.clock.now() };
    await store.insertSummary(tx, row.id, made);
    if (part.upTo < goal && now && !hasEnded(now.status)) await askForUpkeep(deps.jobs, tx, row.id);
  });
}

/** What hangs may answer the next time. */
const mayPass = (code: string): boolean =>
  code === 'model_timeout' || retryAfter({ code, failures: 1, begun: true, askedMs: 0 }) !== null;

/** Whether nothing more may be spent on it. */
function isSpent(row: DiscussionRow, now: Date): boolean {
  const tokens = row.input_tokens + row.output_tokens;
  const spent = { turns: row.state.turns, tokens, costNanoUsd: row.cost_nano_usd, elapsedMs: elapsedMs(row, now) };
  return limitReached(row.limits, spent) !== null || costReached(row.limits, spent.costNanoUsd);
}
