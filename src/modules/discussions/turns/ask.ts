import { AppError } from '../../../platform/http/errors.ts';
import type { GenerateResult, Generation } from '../../models/index.ts';
import { turnBudget } from '../rules/limits.ts';
import { disposeOf } from '../rules/policies.ts';
import type { Asked } from '../rules/policy.ts';
import type { Stage } from '../stage.ts';
import type { DiscussionRow } from '../store.ts';
import { recorded, settle, spentOn, storable } from './cut.ts';
import { moderatorRequest, setScene } from './scene.ts';
import { commit, elapsedMs, type Job, type TurnDeps } from './step.ts';
import type { Spent } from './store.ts';

/** A moderator has this long to answer; then the rules choose. */
const MODERATOR_MS = 60_000;
/** Characters of a moderator's answer that are kept. */
const MAX_PROPOSAL = 2_000;

/** Asks whom the policy wants asked who speaks, and keeps the proposal with what the rules made of it. */
export async function ask(deps: TurnDeps, job: Job, { row, who }: { row: DiscussionRow; who: Asked }): Promise<void> {
  const [scene, agent] = await Promise.all([
    setScene(deps, job.ctx, row),
    who.agentId === undefined
      ? undefined
      : deps.agents.find(deps.db.reader(job.ctx), [who.agentId]).then(([found]) => found),
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
    const request = moderatorRequest({ row, model: agent?.model ?? who.model, agent, scene });
    const timeoutMs = Math.max(1, Math.min(MODERATOR_MS, budget.ms));
    const generation = deps.models.stream({ ...job.ctx, signal }, { ...request, timeoutMs });
    const answer = await answerOf(generation, signal);
    if (signal.aborted) {
      await settle(deps, job.ctx, { id: generation.id, discussionId: row.id, turn: row.turn, counted: false });
      return job.ctx.signal.throwIfAborted();
    }
    const spent = 'failed' in answer ? await recorded(deps, job.ctx, generation.id) : spentOn(answer);
    await commit(deps, job, (stage) => propose(stage, answer, spent));
  } finally {
    speech.close();
  }
}

async function answerOf({ result }: Generation, signal: AbortSignal): Promise<GenerateResult | { failed: true }> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof AppError || signal.aborted) return { failed: true };
    throw error;
  }
}

/** Enters a proposal into the log, and lets the chosen one speak. */
export async function propose(stage: Stage, answer: GenerateResult | { failed: true }, spent?: Spent): Promise<void> {
  const { policy, turn } = stage.row;
  const { choice, refused } = disposeOf(policy, answer, stage.row);
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
    ...spent,
  });
  await stage.next();
}
