import type { Addressed, Hub, LiveFrame } from '../../../platform/realtime/hub.ts';
import { type Live, type Speaking, snapshotFrame } from './live.ts';

/** What was heard so far of a turn that another process runs. `whole`: without a hole from its beginning on. */
type Heard = Pick<Speaking, 'turn' | 'attempt' | 'participantId'> & {
  readonly tenantId: string;
  text: string;
  whole: boolean;
  askedAtMs: number;
};

type Delta = {
  readonly discussion_id: string;
  readonly turn: number;
  readonly attempt: number;
  readonly offset: number;
  readonly text: string;
  readonly participant_id: string;
};

/** The words of other processes' turns, as this process hears them: for who joins here, and for who cuts them off from here. */
export type Elsewhere = {
  /** The `turn_snapshot` for somebody who joins here. */
  snapshot(discussionId: string): LiveFrame | undefined;
  /** What was heard of this attempt, from its beginning on. */
  text(discussionId: string, attempt: Pick<Speaking, 'turn' | 'attempt'>): string | undefined;
};

/** More turns than that are not listened to: who joins is shown what was kept. */
const MAX_TURNS = 20_000;
/** After a question nobody answered: whoever speaks may have ended meanwhile. */
const ASK_AGAIN_MS = 250;
const ENDS = [
  'message_posted',
  'turn_skipped',
  'turn_failed',
  'discussion_paused',
  'discussion_cancelled',
  'discussion_completed',
];

/**
 * Listens to what is said elsewhere. A hole (Redis was flushed, or this process has just come) is never shown: whoever
 * speaks is asked for all that was said, and subscribers go on with that.
 */
export function createElsewhere(
  hub: Pick<Hub, 'across' | 'ask' | 'tap'>,
  live: Pick<Live, 'snapshot'>,
  nowMs: () => number = () => performance.now(),
): Elsewhere {
  const turns = new Map<string, Heard>();

  function begin(
    tenantId: string,
    { discussion_id, turn, attempt, participant_id }: Omit<Delta, 'offset' | 'text'>,
  ): Heard {
    const known = turns.get(discussion_id);
    const speaker = participant_id ?? (known?.turn === turn ? known.participantId : '');
    const heard: Heard = {
      ...{ tenantId, turn, attempt, participantId: speaker },
      ...{ text: '', whole: true, askedAtMs: Number.NEGATIVE_INFINITY },
    };
    turns.delete(discussion_id);
    turns.set(discussion_id, heard);
    if (turns.size > MAX_TURNS) turns.delete(turns.keys().next().value as string);
    return heard;
  }

  function ask(discussionId: string, heard: Heard): false {
    heard.whole = false;
    if (nowMs() - heard.askedAtMs < ASK_AGAIN_MS) return false;
    heard.askedAtMs = nowMs();
    hub.ask(heard.tenantId, `discussions/${discussionId}`);
    return false;
  }

  function hear({ tenantId, event, data }: Addressed): boolean {
    const said = data as Delta;
    const known = turns.get(said.discussion_id);
    const age = known === undefined ? 1 : said.turn - known.turn || said.attempt - known.attempt;
    if (age < 0) return false;
    if (event === 'turn_restarted') {
      if (age > 0) begin(tenantId, said);
      return true;
    }
    if (event === 'turn_snapshot') {
      if (age === 0 && known?.whole && known.text.startsWith(said.text)) return false;
      begin(tenantId, said).text = said.text;
      return true;
    }
    if (event !== 'message_delta') return true;
    const heard = known !== undefined && age === 0 ? known : begin(tenantId, said);
    // Its `turn_started` has not come yet, or came before this process: nobody who joins could be told who speaks.
    if (heard.participantId === '') return ask(said.discussion_id, heard);
    if (!heard.whole || said.offset > heard.text.length) return ask(said.discussion_id, heard);
    // It was in the snapshot already.
    if (said.offset < heard.text.length) return false;
    heard.text += said.text;
    return true;
  }

  hub.across('discussions', {
    heard: hear,
    state: (_tenantId, stream) => live.snapshot(stream.slice('discussions/'.length)),
  });
  hub.tap(['turn_started'], ({ tenantid, data }) => {
    const started = data as Delta;
    const known = turns.get(started.discussion_id);
    if (!known || started.turn > known.turn || (started.turn === known.turn && started.attempt > known.attempt))
      begin(tenantid, started);
  });
  hub.tap(ENDS, ({ data }) => {
    const { discussion_id: id, turn } = data as { discussion_id: string; turn?: number | null };
    const known = turns.get(id);
    // A message from outside of turns ends none.
    if (known && (turn === undefined || (turn !== null && turn >= known.turn))) turns.delete(id);
  });

  return {
    snapshot(discussionId) {
      const heard = turns.get(discussionId);
      if (!heard?.whole || heard.text === '' || heard.participantId === '') return undefined;
      return snapshotFrame(discussionId, heard);
    },
    text(discussionId, { turn, attempt }) {
      const heard = turns.get(discussionId);
      return heard?.whole && heard.turn === turn && heard.attempt === attempt ? heard.text : undefined;
    },
  };
}
