import { Parley, ParleyError, type TurnClaim } from '@parley/sdk';

/** What somebody needs who takes a seat: where, the seat's own key, and which participant of which discussion it is. */
export type Place = {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly discussionId: string;
  readonly participantId: string;
  readonly signal?: AbortSignal;
};

/** What to say in a turn; undefined: nothing, and the turn passes on at its deadline. */
export type Answer = (claim: TurnClaim) => Promise<string | undefined>;

/** What came of a turn: the message it ended with, or the code of the refusal. */
export type Outcome = { readonly turn: number; readonly messageId?: string; readonly refused?: string };

/**
 * Takes part until the discussion is over: is told of its turns by the event stream, claims each, and posts with the fence
 * that the claim gave. May be started at any time, and again after a crash. The key opens nothing else.
 */
export async function takeSeat(place: Place, answer: Answer): Promise<Outcome[]> {
  const { baseUrl, apiKey, discussionId: id, participantId, signal } = place;
  const { discussions } = new Parley({ baseUrl, apiKey });
  const outcomes: Outcome[] = [];

  const take = async (turn: number): Promise<void> => {
    try {
      const claim = await discussions.claim(id, turn);
      const content = await answer(claim);
      if (content === undefined) return;
      const { id: messageId } = await discussions.post(id, { content, turn, fence: claim.fence });
      outcomes.push({ turn, messageId });
    } catch (error) {
      // Too late, or somebody with the same key was quicker: the turn is not ours any more.
      if (!(error instanceof ParleyError) || error.status !== 409) throw error;
      outcomes.push({ turn, refused: error.code });
    }
  };
  /** How it stands now: it may be our turn already. Answers where to follow from; undefined when there is nothing more. */
  const look = async (): Promise<string | undefined> => {
    const { status, turn, next_speaker, cursor } = await discussions.get(id);
    if (['completed', 'failed', 'cancelled'].includes(status)) return undefined;
    if (status === 'waiting' && next_speaker?.participant_id === participantId) await take(turn);
    return cursor;
  };

  const cursor = await look();
  if (cursor === undefined) return outcomes;
  for await (const event of discussions.events(id, { cursor, signal })) {
    if (event.type === 'turn_started' && event.data.participant_id === participantId) await take(event.data.turn);
    // The server was restored from a backup, say: what it told is void, and the stream goes on from now.
    else if (event.type === 'reset' && (await look()) === undefined) return outcomes;
    else if (event.type === 'discussion_completed' || event.type === 'discussion_cancelled') return outcomes;
  }
  signal?.throwIfAborted();
  return outcomes;
}
