import type { Clock } from '../../../lib/clock.ts';
import type { Tx } from '../../../platform/db/queries.ts';
import { AppError } from '../../../platform/http/errors.ts';
import { Stage, type StageDeps } from '../stage.ts';
import { lockDiscussion } from '../store.ts';
import { cutShort, cutUsage } from '../turns/cut.ts';
import type { Elsewhere } from '../turns/heard.ts';
import type { Live } from '../turns/live.ts';
import { findUnderWay, type Spent, setTurn } from '../turns/store.ts';

export type EnterDeps = StageDeps & { readonly clock: Clock; readonly live: Live; readonly elsewhere: Elsewhere };
export const missing = () => new AppError('not_found', { message: 'There is no such discussion.' });

/** The discussion, locked, as a stage. `cut` is what is being said in it at this moment. */
export async function enter(deps: EnterDeps, tx: Tx, id: string): Promise<{ stage: Stage; cut: Cut }> {
  const row = await lockDiscussion(tx, id);
  if (!row) throw missing();
  const { step } = row;
  const stage = new Stage(deps, tx, { row, now: deps.clock.now() });
  return { stage, cut: { step, stop: () => tx.afterCommit(() => deps.live.abort(id, step)) } };
}
export type Cut = { readonly step: number; readonly stop: () => void };

/**
 * What was said so far, and what it is counted with now: here, or elsewhere as it was heard here, or last kept. Whoever
 * speaks elsewhere counts all of it when he hears that he was stopped.
 */
export async function heard(deps: EnterDeps, stage: Stage, step: number): Promise<{ text: string; usage: Spent }> {
  const here = deps.live.hold(stage.row.id, step);
  if (here) {
    stage.given = here.kept;
    return { text: here.text, usage: cutUsage(here) };
  }
  const { id, turn, attempt } = stage.row;
  const kept = await findUnderWay(stage.tx, id, { turn, attempt });
  const said = kept?.text ?? '';
  const listened = deps.elsewhere.text(id, { turn, attempt }) ?? '';
  const text = listened.length > said.length ? listened : said;
  stage.owed = cutUsage({ text, promptTokens: kept?.prompt_tokens ?? 0 });
  return { text, usage: cutUsage({ text: '', promptTokens: 0 }) };
}

/** Ends a running turn where it stands, and keeps what was said. */
export async function cutTurn(
  deps: EnterDeps,
  stage: Stage,
  { cut, otherwise }: { cut: Cut; otherwise: 'advanced' | 'interrupted' },
): Promise<void> {
  const said = await heard(deps, stage, cut.step);
  cut.stop();
  await stage.halt();
  if (stage.speaker) await cutShort(stage, { text: said.text, usage: said.usage, otherwise });
  else await stage.spend(said.usage);
}

/**
 * Cuts off whoever speaks, or the models that are asked, as if they had not begun: what it cost is counted, what was said
 * is dropped.
 */
export async function rollBack(deps: EnterDeps, stage: Stage, cut: Cut): Promise<void> {
  const said = await heard(deps, stage, cut.step);
  cut.stop();
  await stage.halt();
  await stage.spend(said.usage);
}

/** Before a cancel: the words that were already heard become a message; a turn without one is only closed. */
export async function keepWhatWasSaid(deps: EnterDeps, stage: Stage, cut: Cut): Promise<void> {
  const said = await heard(deps, stage, cut.step);
  cut.stop();
  if (!stage.speaker) return stage.spend(said.usage);
  if (said.text.trim() !== '') return cutShort(stage, { text: said.text, usage: said.usage, otherwise: 'interrupted' });
  await stage.spend(said.usage);
  await closeTurn(deps, stage);
}

/** The turn under way ends without a message and without a move: there will be no other. */
export async function closeTurn(deps: EnterDeps, stage: Stage): Promise<void> {
  await setTurn(stage.tx, stage.row.id, {
    turn: stage.row.turn,
    status: 'cancelled',
    error: null,
    message_id: null,
    usage: { input_tokens: 0, output_tokens: 0, cost_nano_usd: null },
    ended_at: deps.clock.now(),
  });
}
