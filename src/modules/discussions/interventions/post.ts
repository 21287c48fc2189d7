import type { Tx } from '../../../platform/db/queries.ts';
import { AppError } from '../../../platform/http/errors.ts';
import { outsidersName } from '../participants.ts';
import { messageOf, nextSpeakerOf } from '../present.ts';
import { hasEnded } from '../rules/status.ts';
import { type Author, type By, MAX_MESSAGES, type Posted } from '../schemas.ts';
import type { TurnHeld } from '../seats/schemas.ts';
import { endsTurn, selfIn } from '../seats/turn.ts';
import { authorOf } from '../stage.ts';
import type { DiscussionRow } from '../store.ts';
import { cutTurn, type EnterDeps, enter, rollBack } from './enter.ts';

export async function post(
  deps: EnterDeps,
  tx: Tx,
  { id, content, by, turn, fence }: { id: string; content: string; by: By } & Partial<TurnHeld>,
): Promise<Posted> {
  const { stage, cut } = await enter(deps, tx, id);
  const { row } = stage;
  if (hasEnded(row.status)) throw new AppError('conflict', { message: `The discussion is ${row.status}.` });
  if (row.last_seq >= MAX_MESSAGES) {
    throw new AppError('limit_reached', { message: `A discussion holds at most ${MAX_MESSAGES} messages.` });
  }
  const self = selfIn(row, tx.ctx);
  const author = self ? authorOf(self) : outsider(by, row);
  const message = { author, content, metadata: {} };
  const hasTurn = endsTurn(row, self, { turn, fence, now: deps.clock.now() });
  if (row.status === 'running' && row.on_post === 'reject') throw busy(row);
  if (row.status === 'running' && row.on_post !== 'enqueue') {
    if (row.on_post === 'interrupt') await cutTurn(deps, stage, { cut, otherwise: 'interrupted' });
    else await rollBack(deps, stage, cut);
    const said = await stage.say({ ...message, turn: null });
    await stage.next();
    await stage.save();
    return { ...messageOf(said), next_speaker: nextSpeakerOf(row) };
  }
  if (hasTurn) await stage.halt();
  const said = await stage.say({ ...message, turn: hasTurn ? row.turn : null });
  if (hasTurn) await stage.next();
  else if (row.status === 'waiting' && stage.isOutdated) {
    await stage.halt();
    await stage.next();
  } else if (row.status === 'created' || row.status === 'paused') stage.preview();
  await stage.save();
  return { ...messageOf(said), next_speaker: nextSpeakerOf(row) };
}

const outsider = (by: By, { participants }: DiscussionRow): Author => ({
  kind: 'user',
  participant_id: null,
  agent_id: null,
  user_id: by.kind === 'user' ? by.id : null,
  name: outsidersName(by.name, participants),
});

/** An agent speaks, or models are asked who should: this discussion does not want to be disturbed then. */
function busy(row: DiscussionRow): AppError {
  const speaker = nextSpeakerOf(row);
  const message = speaker
    ? `${speaker.name} speaks, and this discussion takes no message meanwhile.`
    : 'It is being decided who speaks, and this discussion takes no message meanwhile.';
  return new AppError('conflict', { message, details: { turn: row.turn, speaker } });
}
