import type { Message, Parley, Turn } from '@parley/sdk';

/** Which discussion is read, and until when it is wanted. */
type Source = { client: Parley; id: string; signal: AbortSignal };

/** Messages and turns of one screenful and some more; the server gives 100 at most. */
const PAGE = 60;
const MOST = 100;

const patient = ({ signal }: Source) => ({ signal, maxRetries: 8 });

/** The last messages of a log that is this long. */
export async function lastMessages(source: Source, end: number): Promise<Message[]> {
  const query = { before_seq: end + 1, limit: PAGE };
  const { items } = await source.client.discussions.messages(source.id, query, patient(source));
  return items;
}

/** The page of messages that ends before this one. */
export async function olderMessages(source: Source, seq: number): Promise<Message[]> {
  const query = { before_seq: seq, limit: MOST };
  const { items } = await source.client.discussions.messages(source.id, query, patient(source));
  return items;
}

/** This message among its neighbours. */
export async function aroundSeq(source: Source, seq: number): Promise<Message[]> {
  const query = { after_seq: Math.max(0, seq - PAGE / 2), limit: PAGE };
  const { items } = await source.client.discussions.messages(source.id, query, patient(source));
  return items;
}

/** What was said after this, at most so many pages of it. */
export async function messagesAfter(
  source: Source,
  { after, pages }: { after: number; pages: number },
): Promise<Message[]> {
  const all: Message[] = [];
  for (let page = 0; page < pages; page++) {
    const query = { limit: MOST, after_seq: all.at(-1)?.seq ?? after };
    const { items } = await source.client.discussions.messages(source.id, query, patient(source));
    all.push(...items);
    if (items.length < MOST) break;
  }
  return all;
}

type Some = { items: Turn[]; more: boolean };

/** The last turns; `turn` is the one under way. */
export const lastTurns = (source: Source, turn: number): Promise<Some> => olderTurns(source, turn + 1);

/** The page of turns that ends before this one. */
export async function olderTurns(source: Source, turn: number): Promise<Some> {
  const query = { before_turn: turn, limit: PAGE };
  const { items, next_cursor } = await source.client.discussions.turns(source.id, query, patient(source));
  return { items, more: next_cursor !== null };
}

/** From this turn on, to the last or to another. */
export async function turnsFrom(
  source: Source,
  { first, last = Infinity }: { first: number; last?: number },
): Promise<Turn[]> {
  const all: Turn[] = [];
  for (;;) {
    const query = { limit: MOST, after_turn: Math.max(0, all.at(-1)?.turn ?? first - 1) };
    const { items } = await source.client.discussions.turns(source.id, query, patient(source));
    all.push(...items);
    if (items.length < MOST || (all.at(-1)?.turn ?? 0) >= last) return all;
  }
}
