import { type Follower, type Frame, follow } from './discussions.ts';
import type { Answer, Client, Member, World } from './world.ts';

/** A seat of a discussion, and who holds its key. */
export type Seat = { readonly id: string; readonly name: string; readonly keyId: string; readonly client: Client };

export type Seated = {
  readonly id: string;
  readonly path: string;
  /** The discussion as it was made. */
  readonly body: Answer['body'];
  readonly seats: readonly Seat[];
  /** Its events from the first on, as a member follows them. */
  readonly events: Follower;
};

/** A discussion with these seats (and whoever `more` says, before them), each with its key. */
export async function seatedDiscussion(
  world: World,
  me: Member,
  { names, more = {}, before = [] }: { names: readonly string[]; more?: object; before?: readonly object[] },
): Promise<Seated> {
  const participants = [...before, ...names.map((name) => ({ seat: { name } }))];
  const { status, body } = await me.post('/discussions', { topic: 'Tea?', participants, ...more });
  if (status !== 201) throw new Error(`The discussion could not be made: ${JSON.stringify(body)}`);
  const path = `/discussions/${body.id}`;
  const seats: Seat[] = [];
  for (const { id, kind, name } of body.participants as { id: string; kind: string; name: string }[]) {
    if (kind !== 'seat') continue;
    const key = await me.post(`${path}/participants/${id}/key`);
    if (key.status !== 201) throw new Error(`No key: ${JSON.stringify(key.body)}`);
    seats.push({ id, name, keyId: key.body.key_id, client: world.as(key.body.key) });
  }
  return { id: body.id, path, body, seats, events: await follow(me, body.id, { lastEventId: body.cursor }) };
}

/** Whether a frame says that this participant has the turn: this one, or any. */
export const hasTurn =
  (participantId: string, turn?: number) =>
  ({ event, data }: Frame): boolean =>
    event === 'turn_started' &&
    data.data.participant_id === participantId &&
    (turn === undefined || data.data.turn === turn);
