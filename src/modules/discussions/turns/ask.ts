import { AppError } from '../../../platform/http/errors.ts';
import type { Agent } from '../../agents/index.ts';
import type { GenerateResult, Generation } from '../../models/index.ts';
import { turnBudget } from '../rules/limits.ts';
import { disposeOf } from '../rules/policies.ts';
import type { Asked } from '../rules/policy.ts';
import type { Scene } from '../rules/prompt.ts';
import type { Author } from '../schemas.ts';
import { authorOf, type Stage } from '../stage.ts';
import type { DiscussionRow } from '../store.ts';
import { recorded, settle, spentOn, storable } from './cut.ts';
import { choiceRequest, setScene } from './scene.ts';
import { commitOrCount, elapsedMs, type Job, type TurnDeps } from './step.ts';
import type { Spent } from './store.ts';

/** A moderator, or all voters together, have this long to answer; then the rules choose. */
const ASKING_MS = 60_000;
const VOTERS_AT_ONCE = 8;
/** Characters that are kept of a moderator's answer, and of a ballot. */
const MAX_PROPOSAL = 2_000;
const MAX_BALLOT = 500;

/** What came of asking one. */
export type Reply = {
  readonly asked: Asked;
  /** The moderating agent's name. */
  readonly name?: string | undefined;
  readonly answer: GenerateResult | { readonly failed: true };
  readonly spent?: Spent;
  /** Absent where there was no time to ask. */
  readonly generation?: Generation;
};

type Asking = { readonly row: DiscussionRow; readonly who: readonly Asked[] };

/**
 * Asks whom the policy wants asked who speaks, and keeps the proposal or the ballots with what the rules made of them:
 * all in one transaction, so that a crash before it leaves none and a vote is never counted in part.
 */
export async function ask(deps: TurnDeps, job: Job, { row, who }: Asking): Promise<void> {
  const { tenantId } = job.ctx;
  // Who is asked is not heard, but can be stopped like a speaker; all voters at once.
  const speech = deps.live.open(
    { tenantId, discussionId: row.id, step: row.step, turn: row.turn, attempt: 0, participantId: '' },
    async () => {},
  );
  const broken = new AbortController();
  try {
    const signal = AbortSignal.any([job.ctx.signal, speech.signal, broken.signal]);
    const replies = await repliesOf(deps, job, { row, who, signal, broken });
    const about = { discussionId: row.id, turn: row.turn, counted: false };
    const count = () =>
      Promise.all(replies.map(({ generation }) => generation && settle(deps, job.ctx, { ...about, generation })));
    if (signal.aborted) {
      await count();
      return job.ctx.signal.throwIfAborted();
    }
    await commitOrCount(deps, job, { write: (stage) => propose(stage, replies), count });
  } finally {
    speech.close();
  }
}

async function repliesOf(
  deps: TurnDeps,
  job: Job,
  { row, who, signal, broken }: Asking & { signal: AbortSignal; broken: AbortController },
): Promise<Reply[]> {
  const ids = who.flatMap(({ agentId }) => agentId ?? []);
  const [scene, found] = await Promise.all([
    setScene(deps, job.ctx, row),
    ids.length > 0 ? deps.agents.find(deps.db.reader(job.ctx), ids) : [],
  ]);
  const agents = new Map(found.map((agent) => [agent.id, agent]));
  const budget = turnBudget(row.limits, elapsedMs(row, deps.clock.now()));
  const endsAt = performance.now() + Math.max(1, Math.min(ASKING_MS, budget.ms));
  const replies: Reply[] = [];
  let next = 0;
  const clerk = async () => {
    for (let at = next++; at < who.length; at = next++) {
      const asked = who[at] as Asked;
      const agent = asked.agentId === undefined ? undefined : agents.get(asked.agentId);
      replies[at] = await replyOf(deps, job, { row, asked, askedInAll: who.length, agent, scene, signal, endsAt });
    }
  };
  const clerks = Array.from({ length: Math.min(VOTERS_AT_ONCE, who.length) }, () =>
    clerk().catch((error: unknown) => {
      // A fault of ours, not an answer: the others are not waited for.
      broken.abort(error);
      throw error;
    }),
  );
  const failed = (await Promise.allSettled(clerks)).find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  return replies;
}

async function replyOf(
  deps: TurnDeps,
  job: Job,
  about: {
    row: DiscussionRow;
    asked: Asked;
    askedInAll: number;
    agent: Agent | undefined;
    scene: Scene;
    signal: AbortSignal;
    endsAt: number;
  },
): Promise<Reply> {
  const { row, asked, askedInAll, agent, scene, signal, endsAt } = about;
  const timeoutMs = endsAt - performance.now();
  const base = { asked, name: agent?.name };
  if (signal.aborted || timeoutMs <= 0) return { ...base, answer: { failed: true } };
  const request = choiceRequest({ row, asked, askedInAll, agent, scene });
  const generation = deps.models.stream({ ...job.ctx, signal }, { ...request, timeoutMs });
  const answer = await answerOf(generation, signal);
  if (signal.aborted) return { ...base, answer, generation };
  const spent = 'failed' in answer ? await recorded(deps, job.ctx, generation) : spentOn(answer);
  return { ...base, answer, spent, generation };
}

async function answerOf({ result }: Generation, signal: AbortSignal): Promise<GenerateResult | { failed: true }> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof AppError || signal.aborted) return { failed: true };
    throw error;
  }
}

/** Enters proposals or ballots into the log, and lets the chosen one speak. */
export async function propose(stage: Stage, replies: readonly Reply[]): Promise<void> {
  const { policy, turn, participants, state } = stage.row;
  for (const { asked, name, answer, spent } of replies) {
    const disposal = disposeOf(policy, answer, { participants, state, voter: asked.voter });
    const made = 'failed' in answer ? undefined : answer;
    const voter = stage.participant(asked.voter);
    const isBallot = disposal.kind === 'ballot' && voter !== undefined;
    await stage.record({
      kind: isBallot ? 'ballot' : 'proposal',
      turn,
      author: isBallot ? authorOf(voter) : moderatedBy(name),
      content: made ? storable(made.text.slice(0, isBallot ? MAX_BALLOT : MAX_PROPOSAL)) : '',
      metadata: {
        ...(disposal.kind === 'ballot' ? { vote: disposal.choice } : { choice: disposal.choice }),
        refused: disposal.refused,
        ...(made && { model: made.model, provider: made.provider, rehearsal: made.rehearsal }),
      },
      ...spent,
    });
  }
  await stage.next();
}

const moderatedBy = (name = 'moderator'): Author => ({
  kind: 'system',
  participant_id: null,
  agent_id: null,
  user_id: null,
  name,
});
