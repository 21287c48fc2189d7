import type { Ctx } from '../../../platform/context.ts';
import { AppError } from '../../../platform/http/errors.ts';
import type { GenerateResult, Generation, InVain } from '../../models/index.ts';
import type { Participant } from '../rules/fold.ts';
import { authorOf, type Stage } from '../stage.ts';
import type { TurnDeps } from './step.ts';
import { addSpent, type Spent } from './store.ts';

/**
 * Ends the turn under way where it stands: what was said is kept as a message marked `interrupted`; where nothing was
 * said yet, the turn ends without one.
 */
export async function cutShort(
  stage: Stage,
  cut: { text: string; usage: Spent; otherwise: 'advanced' | 'timeout' | 'interrupted' },
): Promise<void> {
  const speaker = stage.speaker as Participant;
  if (cut.text.trim() === '') {
    await stage.spend(cut.usage);
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

/**
 * What a speech is counted with at the moment it is cut short: nobody has told its tokens, so four bytes make one. Its
 * cost follows when its generation has been recorded; see `settle`.
 */
export const cutUsage = ({ text, promptTokens }: { text: string; promptTokens: number }): Spent => ({
  input_tokens: promptTokens,
  output_tokens: estimateTokens(text),
  cost_nano_usd: null,
});

/** Four bytes of UTF-8 a token. */
export const estimateTokens = (text: string): number => Math.ceil(Buffer.byteLength(text) / 4);

/** What a generation is counted with: the model that answered, and those that did not. */
export const spentOn = ({ usage, costNanoUsd, inVain = [] }: GenerateResult): Spent =>
  plus(
    { input_tokens: usage.inputTokens, output_tokens: usage.outputTokens, cost_nano_usd: costNanoUsd },
    spentInVain(inVain),
  );

const spentInVain = (inVain: readonly InVain[]): Spent =>
  inVain
    .map(({ usage, costNanoUsd }) => ({
      input_tokens: usage?.inputTokens ?? 0,
      output_tokens: usage?.outputTokens ?? 0,
      cost_nano_usd: costNanoUsd ?? null,
    }))
    .reduce(plus, { input_tokens: 0, output_tokens: 0, cost_nano_usd: null });

function plus(a: Spent, b: Spent): Spent {
  const unpriced = a.cost_nano_usd === null && b.cost_nano_usd === null;
  return {
    input_tokens: a.input_tokens + b.input_tokens,
    output_tokens: a.output_tokens + b.output_tokens,
    cost_nano_usd: unpriced ? null : (a.cost_nano_usd ?? 0) + (b.cost_nano_usd ?? 0),
  };
}

/** What PostgreSQL can keep: no U+0000, no half of a surrogate pair. */
export const storable = (text: string): string => text.replaceAll('\0', '').toWellFormed();

/** Nobody waits for it, and what is not written by then is not counted: longer than a busy database takes. */
const SETTLE_TIMEOUT_MS = 10_000;

/** What a generation cost that gave no result. It was recorded before it said so; one that never began has no record. */
export async function recorded(
  { traces }: Pick<TurnDeps, 'traces'>,
  ctx: Ctx,
  { id, inVain }: Pick<Generation, 'id' | 'inVain'>,
): Promise<Spent> {
  return plus(await recordOf(traces, ctx, id), spentInVain(inVain));
}

async function recordOf(traces: TurnDeps['traces'], ctx: Ctx, id: string): Promise<Spent> {
  try {
    const { input_tokens, output_tokens, cost_nano_usd } = await traces.get(ctx, id);
    return { input_tokens, output_tokens, cost_nano_usd };
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return cutUsage({ text: '', promptTokens: 0 });
    throw error;
  }
}

/**
 * Counts a generation that was stopped: whoever stopped it could not know its cost, and did not wait. `counted` says
 * that its tokens were estimated then.
 */
export async function settle(
  deps: Pick<TurnDeps, 'db' | 'traces' | 'log'>,
  ended: Ctx,
  stopped: { generation: Pick<Generation, 'id' | 'inVain'>; discussionId: string; turn: number; counted: boolean },
): Promise<void> {
  const ctx = { ...ended, signal: AbortSignal.timeout(SETTLE_TIMEOUT_MS) };
  const { generation, discussionId, turn, counted } = stopped;
  try {
    const spent = await recordOf(deps.traces, ctx, generation.id);
    const own = counted ? { ...spent, input_tokens: 0, output_tokens: 0 } : spent;
    const rest = plus(own, spentInVain(generation.inVain));
    if (rest.input_tokens + rest.output_tokens === 0 && rest.cost_nano_usd === null) return;
    await deps.db.inTx(ctx, (tx) => addSpent(tx, discussionId, { turn, ...rest }));
  } catch (error) {
    deps.log.warn('The cost of a turn that was stopped could not be added', { tenant_id: ctx.tenantId, error });
  }
}
