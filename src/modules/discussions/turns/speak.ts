import type { Ctx } from '../../../platform/context.ts';
import { AppError } from '../../../platform/http/errors.ts';
import { citationsOf, fallbacksOf } from '../../agents/index.ts';
import type { GenerateResult, Generation } from '../../models/index.ts';
import type { Kept } from '../memory/given.ts';
import { saveBeforehand } from '../memory/store.ts';
import type { Participant } from '../rules/fold.ts';
import { turnBudget } from '../rules/limits.ts';
import { retryAfter } from '../rules/retry.ts';
import { authorOf, type Stage } from '../stage.ts';
import type { DiscussionRow } from '../store.ts';
import { cutShort, recorded, settle, spentOn, storable } from './cut.ts';
import type { Speech } from './live.ts';
import { type Prepared, prepareTurn, turnRequest } from './scene.ts';
import { commit, commitOrCount, elapsedMs, type Job, onStage, type TurnDeps } from './step.ts';
import type { Spent } from './store.ts';

/** Timers may be early by a millisecond or two; the limit that cuts a turn would then not be reached yet. */
const TIMER_MS = 5;

type Failure = { readonly code: string; readonly message: string; readonly askedMs: number };

/** Lets the agent whose turn it is speak, and commits what it said. */
export async function speak(deps: TurnDeps, job: Job, { row, speaker }: { row: DiscussionRow; speaker: Participant }) {
  const [attempt, [agent]] = await Promise.all([
    begunAnew(deps, job, row),
    deps.agents.find(deps.db.reader(job.ctx), [speaker.agent_id as string]),
  ]);
  if (attempt === undefined) return;
  if (!agent) {
    await commit(deps, job, (stage) =>
      stage.fail({ code: 'not_found', message: 'The agent does not exist any more.' }, null),
    );
    return;
  }
  const { id: discussionId, step, turn } = row;
  const about = { tenantId: job.ctx.tenantId, discussionId, step, turn, attempt, participantId: speaker.id };
  if (job.payload.started !== undefined)
    deps.hub.expect(job.ctx.tenantId, `discussions/${discussionId}`, job.payload.started);
  const speech = deps.live.open(about, (text) => deps.keep(job.ctx, { discussionId, turn, attempt, text }));
  try {
    if (attempt > 1) {
      const data = { discussion_id: discussionId, turn, attempt };
      deps.hub.publish(job.ctx.tenantId, `discussions/${discussionId}`, { event: 'turn_restarted', data });
    }
    const prepared = await prepareTurn(deps, job.ctx, { row, speaker, attempt, agent });
    deps.live.prompted(discussionId, step, prepared);
    const budget = turnBudget(row.limits, elapsedMs(row, deps.clock.now()));
    const request = turnRequest({ row, agent, prepared, timeoutMs: Math.ceil(budget.ms) + TIMER_MS });
    const signal = AbortSignal.any([job.ctx.signal, speech.signal]);
    const generation = deps.models.stream({ ...job.ctx, signal }, request);
    const outcome = await listen(generation, speech, { signal, before: tellOthers(deps, job.ctx, { row, prepared }) });
    // Whoever stopped it here has already written what was said, and counted its tokens.
    const count = () => settle(deps, job.ctx, { generation, discussionId, turn, counted: speech.held });
    if (signal.aborted) {
      await count();
      return job.ctx.signal.throwIfAborted();
    }
    speech.flush();
    if ('result' in outcome) {
      const { result } = outcome;
      const write = (stage: Stage) => succeed(stage, { speaker, prepared, result });
      return await commitOrCount(deps, job, { write, count });
    }
    const failure = { ...outcome.failure, said: speech.text, limitedBy: budget.by };
    const usage = await recorded(deps, job.ctx, generation);
    const write = (stage: Stage) => cutOrFail(stage, job, { ...failure, usage, kept: prepared.kept });
    await commitOrCount(deps, job, { write, count });
  } finally {
    speech.close();
  }
}

/** The number of this attempt: announced already when its job was made, or announced here. Undefined: it is too late. */
async function begunAnew(deps: TurnDeps, job: Job, row: DiscussionRow): Promise<number | undefined> {
  if (job.payload.announced && job.fence === 1) return row.attempt;
  const { discussion_id: id, step } = job.payload;
  const changed = await onStage(deps, { ctx: job.ctx, id, step }, (stage) => stage.begin());
  return changed?.attempt;
}

/**
 * Who asks another process what this speaker was given, or cuts the turn short there, finds it with the turn: from the
 * first word on, and written while the model thinks.
 */
async function tellOthers(
  { db, shared, log }: TurnDeps,
  ctx: Ctx,
  { row, prepared: { kept } }: { row: DiscussionRow; prepared: Prepared },
): Promise<void> {
  if (!shared) return;
  try {
    await db.inTx(ctx, (tx) => saveBeforehand(tx, row.id, { turn: row.turn, kept }));
  } catch (error) {
    // It is kept with the turn's end, too.
    if (!ctx.signal.aborted) log.warn('What a speaker is given could not be kept', { tenant_id: ctx.tenantId, error });
  }
}

async function listen(
  generation: Generation,
  speech: Speech,
  { signal, before }: { signal: AbortSignal; before: Promise<void> },
): Promise<{ readonly result: GenerateResult } | { readonly failure: Failure }> {
  try {
    for await (const piece of generation.text) {
      await before;
      speech.say(piece.replaceAll('\0', ''));
    }
    return { result: await generation.result };
  } catch (error) {
    if (signal.aborted) return { failure: { code: 'stopped', message: 'Stopped.', askedMs: 0 } };
    if (!(error instanceof AppError)) throw error;
    const asked = Number(error.headers['Retry-After'] ?? error.headers['retry-after'] ?? 0);
    return {
      failure: { code: error.code, message: error.message, askedMs: Number.isFinite(asked) ? asked * 1_000 : 0 },
    };
  }
}

async function succeed(
  stage: Stage,
  { speaker, prepared, result }: { speaker: Participant; prepared: Prepared; result: GenerateResult },
): Promise<void> {
  stage.given = prepared.kept;
  await stage.say({
    turn: stage.row.turn,
    author: authorOf(speaker),
    content: storable(result.text),
    metadata: {
      model: result.model,
      provider: result.provider,
      rehearsal: result.rehearsal,
      finish_reason: result.finishReason,
      generation_id: result.generationId,
      ...(result.citations && { citations: citationsOf(result) }),
      ...(result.inVain && { fallbacks: fallbacksOf(result.inVain) }),
    },
    ...spentOn(result),
    time_to_first_token_ms: Math.round(result.timeToFirstTokenMs),
    duration_ms: Math.round(result.durationMs),
  });
  await stage.next();
  if (prepared.upkeep) await stage.remember();
}

async function cutOrFail(
  stage: Stage,
  job: Job,
  failure: Failure & { said: string; usage: Spent; kept: Kept; limitedBy: 'turn_timeout' | 'max_seconds' },
): Promise<void> {
  const { code, message, askedMs, said, usage, limitedBy } = failure;
  const { row } = stage;
  stage.given = failure.kept;
  const maxMs = (row.limits.max_seconds ?? Infinity) * 1_000;
  if (code === 'model_timeout' && limitedBy === 'max_seconds' && row.elapsed_ms >= maxMs) {
    await cutShort(stage, { text: said, usage, otherwise: 'timeout' });
    return stage.next();
  }
  await stage.spend(usage);
  const failures = job.payload.failures + 1;
  const ms = retryAfter({ code, failures, begun: said !== '', askedMs });
  await stage.fail({ code, message }, ms === null ? null : { ms, failures });
}
