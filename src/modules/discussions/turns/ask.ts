import { AppError } from '../../../platform/http/errors.ts';
import type { GenerateResult, Generation } from '../../models/index.ts';
import { turnBudget } from '../rules/limits.ts';
import { dispose } from '../rules/moderator.ts';
import type { Stage } from '../stage.ts';
import type { DiscussionRow } from '../store.ts';
import { spentOn, storable } from './cut.ts';
import { moderatorRequest, setScene } from './scene.ts';
import { commit, elapsedMs, type Job, type TurnDeps } from './step.ts';

/** A moderator has this long to answer; then the rules choose. */
const MODERATOR_MS = 60_000;
/** Characters of a moderator's answer that are kept. */
const MAX_PROPOSAL = 2_000;

/** Asks the moderator who speaks, and keeps the proposal with what the rules made of it. */
export async function ask(deps: TurnDeps, job: Job, row: DiscussionRow): Promise<void> {
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

/** Enters a proposal into the log, and lets the chosen one speak. */
export async function propose(stage: Stage, answer: GenerateResult | { failed: true }): Promise<void> {
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
