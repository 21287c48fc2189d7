import type { Clock } from '../../lib/clock.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Db } from '../../platform/db/queries.ts';
import { AppError } from '../../platform/http/errors.ts';
import type { JobKind, RunningJob } from '../../platform/jobs/define.ts';
import type { Hub } from '../../platform/realtime/hub.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import {
  type Agent,
  type Agents,
  citationsOf,
  DOCUMENT_BUDGET,
  fitDocuments,
  modelParameters,
} from '../agents/index.ts';
import type { Knowledge } from '../knowledge/index.ts';
import type { GenerateRequest, GenerateResult, Generation, Models } from '../models/index.ts';
import type { Live, Speech } from './live.ts';
import type { Participant } from './rules/fold.ts';
import { tokenBudget, turnBudget } from './rules/limits.ts';
import { dispose } from './rules/moderator.ts';
import { moderatorPrompt, type Scene, turnPrompt } from './rules/prompt.ts';
import { retryAfter } from './rules/retry.ts';
import { authorOf, Stage, type StageDeps, TURN_JOB, type TurnPayload } from './stage.ts';
import * as store from './store.ts';
import { lastSaid } from './store-entries.ts';

export type TurnDeps = StageDeps & {
  readonly db: Db;
  readonly clock: Clock;
  readonly hub: Pick<Hub, 'publish'>;
  readonly live: Live;
  readonly agents: Pick<Agents, 'find' | 'release'>;
  readonly knowledge: Pick<Knowledge, 'excerpts'>;
  readonly models: Pick<Models, 'stream'>;
  readonly log: Logger;
};
type Job = RunningJob<TurnPayload>;
type Failure = { readonly code: string; readonly message: string; readonly askedMs: number };

const LOST_JOB = 'discussions.turn_lost';
type LostPayload = {
  readonly discussion_id: string;
  readonly step: number;
  readonly code: string;
  readonly message: string;
};

/** A moderator has this long to answer; then the rules choose. */
const MODERATOR_MS = 60_000;
/** Characters of a moderator's answer that are kept. */
const MAX_PROPOSAL = 2_000;

/**
 * The jobs of a discussion: one a step. It lets an agent speak, asks a moderator, or ends a person's time. Whatever
 * comes of it is written in one transaction, which the discussion's step and the job's fence both guard: killed at any
 * point, another attempt is made, and exactly one message is written.
 */
export function turnJobs(deps: TurnDeps): JobKind[] {
  const turn: JobKind<TurnPayload> = {
    kind: TURN_JOB,
    maxAttempts: 5,
    // Turns watch their own clock; this is only for one that has lost it.
    timeoutMs: 25 * 3_600_000,
    concurrency: 512,
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

/** Runs `fn` on the discussion, unless it has gone on from this step. */
async function onStage(
  deps: TurnDeps,
  { ctx, id, step }: { ctx: Ctx; id: string; step: number },
  fn: (stage: Stage) => Promise<void>,
): Promise<store.DiscussionRow | undefined> {
  return deps.db.inTx(ctx, async (tx) => {
    const row = await store.lockDiscussion(tx, id);
    if (!row || row.step !== step) return undefined;
    const stage = new Stage(deps, tx, { row, now: deps.clock.now() });
    await fn(stage);
    await stage.save();
    return row;
  });
}

const commit = (deps: TurnDeps, job: Job, fn: (stage: Stage) => Promise<void>) =>
  onStage(deps, { ctx: job.ctx, id: job.payload.discussion_id, step: job.payload.step }, async (stage) => {
    await job.complete(stage.tx);
    await fn(stage);
  });

async function handle(deps: TurnDeps, job: Job): Promise<void> {
  const row = await store.findDiscussion(deps.db.reader(job.ctx), job.payload.discussion_id);
  if (!row || row.step !== job.payload.step) return;
  if (row.status === 'waiting') {
    await commit(deps, job, async (stage) => {
      await stage.skip('timeout');
      await stage.next();
    });
  } else if (row.status === 'running') {
    const speaker = row.participants.find((p) => p.id === row.next_speaker?.participant_id);
    await (speaker ? speak(deps, job, { row, speaker }) : ask(deps, job, row));
  }
}

async function speak(deps: TurnDeps, job: Job, { row, speaker }: { row: store.DiscussionRow; speaker: Participant }) {
  const begun = begunAnew(deps, job, row);
  const [scene, [agent]] = await Promise.all([
    setScene(deps, job.ctx, row),
    deps.agents.find(deps.db.reader(job.ctx), [speaker.agent_id as string]),
  ]);
  const attempt = await begun;
  if (attempt === undefined) return;
  if (!agent) {
    await commit(deps, job, (stage) =>
      giveUp(stage, { code: 'not_found', message: 'The agent does not exist any more.' }),
    );
    return;
  }
  const { id: discussionId, step, turn } = row;
  const about = { tenantId: job.ctx.tenantId, discussionId, step, turn, attempt, participantId: speaker.id };
  const speech = deps.live.open(about, (text) => keep(deps, job.ctx, { discussionId, turn, attempt, text }));
  try {
    if (attempt > 1) {
      const data = { discussion_id: discussionId, turn, attempt };
      deps.hub.publish(job.ctx.tenantId, `discussions/${discussionId}`, { event: 'turn_restarted', data });
    }
    const budget = turnBudget(row.limits, elapsedMs(row, deps.clock.now()));
    const request = turnRequest({ row, speaker, agent, scene, timeoutMs: Math.max(1, budget.ms) });
    deps.live.prompted(discussionId, step, estimateTokens(request.messages.map((m) => m.content).join('\n')));
    const signal = AbortSignal.any([job.ctx.signal, speech.signal]);
    const outcome = await listen(deps.models.stream({ ...job.ctx, signal }, request), speech);
    job.ctx.signal.throwIfAborted();
    // Whoever stopped it here has already written what was said.
    if (speech.signal.aborted) return;
    speech.flush();
    await commit(deps, job, (stage) =>
      'result' in outcome
        ? succeed(stage, speaker, outcome.result)
        : cutOrFail(stage, job, { ...outcome.failure, speech, promptOf: deps.live, limitedBy: budget.by }),
    );
  } finally {
    speech.close();
  }
}

/** The number of this attempt: announced already when its job was made, or announced here. Undefined: it is too late. */
async function begunAnew(deps: TurnDeps, job: Job, row: store.DiscussionRow): Promise<number | undefined> {
  if (job.payload.announced && job.fence === 1) return row.attempt;
  const { discussion_id: id, step } = job.payload;
  const changed = await onStage(deps, { ctx: job.ctx, id, step }, (stage) => stage.begin());
  return changed?.attempt;
}

async function listen(
  generation: Generation,
  speech: Speech,
): Promise<{ readonly result: GenerateResult } | { readonly failure: Failure }> {
  try {
    for await (const piece of generation.text) speech.say(piece.replaceAll('\0', ''));
    return { result: await generation.result };
  } catch (error) {
    if (speech.signal.aborted) return { failure: { code: 'stopped', message: 'Stopped.', askedMs: 0 } };
    if (!(error instanceof AppError)) throw error;
    const asked = Number(error.headers['Retry-After'] ?? error.headers['retry-after'] ?? 0);
    return {
      failure: { code: error.code, message: error.message, askedMs: Number.isFinite(asked) ? asked * 1_000 : 0 },
    };
  }
}

async function succeed(stage: Stage, speaker: Participant, result: GenerateResult): Promise<void> {
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
    },
    ...spentOn(result),
    time_to_first_token_ms: Math.round(result.timeToFirstTokenMs),
    duration_ms: Math.round(result.durationMs),
  });
  await stage.next();
}

async function cutOrFail(
  stage: Stage,
  job: Job,
  failure: Failure & { speech: Speech; promptOf: Live; limitedBy: 'turn_timeout' | 'max_seconds' },
): Promise<void> {
  const { code, message, askedMs, speech, limitedBy } = failure;
  const { row } = stage;
  const heard = failure.promptOf.heard(row.id, row.step);
  const begun = speech.text !== '';
  const usage = cutUsage({ text: speech.text, promptTokens: begun ? (heard?.promptTokens ?? 0) : 0 });
  const maxMs = (row.limits.max_seconds ?? Infinity) * 1_000;
  if (code === 'model_timeout' && limitedBy === 'max_seconds' && row.elapsed_ms >= maxMs) {
    await cutShort(stage, { text: speech.text, usage, otherwise: 'timeout' });
    return stage.next();
  }
  stage.spend(usage);
  const failures = job.payload.failures + 1;
  const ms = retryAfter({ code, failures, begun, askedMs });
  await stage.fail({ code, message }, ms === null ? null : { ms, failures });
}

/** Nothing more can be expected of this step. */
async function giveUp(stage: Stage, error: { code: string; message: string }): Promise<void> {
  if (stage.row.status === 'waiting') {
    await stage.skip('timeout', error);
    await stage.next();
  } else if (stage.speaker) await stage.fail(error, null);
  else await propose(stage, { failed: true });
}

async function ask(deps: TurnDeps, job: Job, row: store.DiscussionRow): Promise<void> {
  const { policy } = row;
  const asked = policy.type === 'moderator' ? policy : { type: 'moderator' as const };
  const [scene, agent] = await Promise.all([
    setScene(deps, job.ctx, row),
    asked.agent_id === undefined
      ? undefined
      : deps.agents.find(deps.db.reader(job.ctx), [asked.agent_id]).then(([found]) => found),
  ]);
  const budget = turnBudget(row.limits, elapsedMs(row, deps.clock.now()));
  const { tenantId } = job.ctx;
  // A moderator is not heard, but it can be stopped like a speaker.
  const speech = deps.live.open(
    { tenantId, discussionId: row.id, step: row.step, turn: row.turn, attempt: 0, participantId: '' },
    async () => {},
  );
  try {
    const signal = AbortSignal.any([job.ctx.signal, speech.signal]);
    const request = moderatorRequest({ row, model: agent?.model ?? asked.model, agent, scene });
    const timeoutMs = Math.max(1, Math.min(MODERATOR_MS, budget.ms));
    const outcome = await answerOf(deps.models.stream({ ...job.ctx, signal }, { ...request, timeoutMs }));
    job.ctx.signal.throwIfAborted();
    if (speech.signal.aborted) return;
    await commit(deps, job, (stage) => propose(stage, outcome));
  } finally {
    speech.close();
  }
}

async function answerOf({ result }: Generation): Promise<GenerateResult | { failed: true }> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof AppError || (error instanceof Error && error.name === 'AbortError')) return { failed: true };
    throw error;
  }
}

async function propose(stage: Stage, answer: GenerateResult | { failed: true }): Promise<void> {
  const { participants, state, turn } = stage.row;
  const { choice, refused } = dispose(answer, participants, state);
  const made = 'failed' in answer ? undefined : answer;
  await stage.record({
    kind: 'proposal',
    turn,
    author: { kind: 'system', participant_id: null, agent_id: null, user_id: null, name: 'moderator' },
    content: made ? storable(made.text.slice(0, MAX_PROPOSAL)) : '',
    metadata: {
      choice,
      refused,
      ...(made && { model: made.model, provider: made.provider, rehearsal: made.rehearsal }),
    },
    ...(made && spentOn(made)),
  });
  await stage.next();
}

async function setScene(deps: TurnDeps, ctx: Ctx, row: store.DiscussionRow): Promise<FullScene> {
  const reader = deps.db.reader(ctx);
  const ids = row.context.map(({ document_id }) => document_id);
  const [said, documents] = await Promise.all([
    lastSaid(reader, row.id, row.memory.window),
    deps.knowledge.excerpts(reader, ids, DOCUMENT_BUDGET),
  ]);
  return { topic: row.topic, participants: row.participants, said, documents: fitDocuments(documents) };
}
type FullScene = Omit<Scene, 'documents'> & { documents: Awaited<ReturnType<Knowledge['excerpts']>> };

function turnRequest(about: {
  row: store.DiscussionRow;
  speaker: Participant;
  agent: Agent;
  scene: FullScene;
  timeoutMs: number;
}): GenerateRequest {
  const { row, speaker, agent, scene, timeoutMs } = about;
  const said = scene.said.slice(-agent.memory.window);
  const parameters = modelParameters(agent.parameters);
  const maxTokens = tokenBudget(row.limits, row.input_tokens + row.output_tokens, parameters.maxTokens);
  return {
    model: agent.model ?? undefined,
    messages: turnPrompt({ ...scene, said }, speaker, agent.instructions),
    parameters: { ...parameters, ...(maxTokens !== undefined && { maxTokens }) },
    documents: scene.documents.map(({ id, title, text }) => ({ id, title, text })),
    purpose: { kind: 'turn', agentId: agent.id, discussionId: row.id, turn: row.turn },
    timeoutMs,
  };
}

function moderatorRequest(about: {
  row: store.DiscussionRow;
  model: string | undefined;
  agent: Agent | undefined;
  scene: Scene;
}): GenerateRequest {
  const { row, model, agent, scene } = about;
  return {
    model,
    messages: moderatorPrompt(scene, agent?.instructions ?? ''),
    parameters: agent ? modelParameters(agent.parameters) : {},
    purpose: { kind: 'moderator', discussionId: row.id, turn: row.turn, ...(agent && { agentId: agent.id }) },
  };
}

async function keep(
  { db, log }: TurnDeps,
  ctx: Ctx,
  { discussionId, ...partial }: { discussionId: string; turn: number; attempt: number; text: string },
): Promise<void> {
  try {
    await db.inTx(ctx, (tx) => store.savePartial(tx, discussionId, { ...partial, text: storable(partial.text) }));
  } catch (error) {
    // It only serves who joins elsewhere; the turn itself does not depend on it.
    if (!ctx.signal.aborted)
      log.warn('The text so far of a turn could not be kept', { tenant_id: ctx.tenantId, error });
  }
}

/**
 * Ends the turn under way where it stands: what was said is kept as a message marked `interrupted`; where nothing was
 * said yet, the turn ends without one.
 */
export async function cutShort(
  stage: Stage,
  cut: { text: string; usage: ReturnType<typeof cutUsage>; otherwise: 'advanced' | 'timeout' | 'interrupted' },
): Promise<void> {
  const speaker = stage.speaker as Participant;
  if (cut.text.trim() === '') {
    stage.spend(cut.usage);
    return stage.skip(cut.otherwise);
  }
  const metadata = { finish_reason: 'interrupted' };
  const message = {
    turn: stage.row.turn,
    author: authorOf(speaker),
    content: storable(cut.text),
    metadata,
    ...cut.usage,
  };
  await stage.say(message, 'interrupted');
}

/** What a generation that was cut short is counted with: nobody told its tokens, so four bytes make one. */
export const cutUsage = ({ text, promptTokens }: { text: string; promptTokens: number }) => ({
  input_tokens: promptTokens,
  output_tokens: estimateTokens(text),
  cost_nano_usd: null,
});

const estimateTokens = (text: string): number => Math.ceil(Buffer.byteLength(text) / 4);

const spentOn = ({ usage, costNanoUsd }: GenerateResult) => ({
  input_tokens: usage.inputTokens,
  output_tokens: usage.outputTokens,
  cost_nano_usd: costNanoUsd,
});

/** What PostgreSQL can keep: no U+0000, no half of a surrogate pair. */
const storable = (text: string): string => text.replaceAll('\0', '').toWellFormed();

const elapsedMs = (row: store.DiscussionRow, now: Date): number =>
  row.elapsed_ms + (row.running_since ? Math.max(0, now.getTime() - row.running_since.getTime()) : 0);
