import type { Ctx } from '../../../platform/context.ts';
import type { Db, Reader } from '../../../platform/db/queries.ts';
import { clip, DOCUMENT_BUDGET, fitDocuments } from '../../agents/index.ts';
import { type Knowledge, PASSAGE_CHARS } from '../../knowledge/index.ts';
import type { Excerpt, Said } from '../rules/prompt.ts';
import type { DiscussionRow } from '../store.ts';
import type { Memory, TurnContext } from './schemas.ts';
import * as store from './store.ts';
import { clipLevel, isBehind, saidChars, windowFrom } from './window.ts';

export type RecallDeps = { readonly db: Db; readonly knowledge: Pick<Knowledge, 'excerpts' | 'passages'> };

/** What a speaker remembers, and what it may read. */
export type Recall = {
  readonly said: readonly Said[];
  /** To how many characters each of these is cut; null: they are whole. */
  readonly clip: number | null;
  readonly summary: TurnContext['memory']['summary'];
  readonly retrieved: TurnContext['memory']['retrieved'];
  /** Beginnings, where nothing is retrieved. */
  readonly excerpts: readonly Excerpt[];
  /** What there is of documents: passages or beginnings, for a rehearsal to quote. */
  readonly grounding: readonly { readonly id: string; readonly title: string; readonly text: string }[];
  readonly documents: TurnContext['documents'];
  /** The summary, or the words of messages, are so far behind that it is time to go on with them. */
  readonly upkeep: boolean;
};

/** Characters of messages that a speaker is given at most; beyond that the long ones are cut, all to one length. */
export const WINDOW_CHARS = 400_000;
/** Messages without words kept before it is time to keep them. */
const WORDS_STRIDE = 40;
/** The last messages tell what is looked for, beside the topic. */
const QUERY_MESSAGES = 3;
const QUERY_MESSAGE_CHARS = 800;

export async function recall(
  deps: RecallDeps,
  ctx: Ctx,
  about: { row: DiscussionRow; memory: Memory },
): Promise<Recall> {
  const { row, memory } = about;
  const reader = deps.db.reader(ctx);
  const newest = memory.summary ? await store.findSummary(reader, row.id) : undefined;
  const at = { lastSeq: row.last_seq, summarised: newest?.up_to_seq ?? 0 };
  const from = windowFrom(memory, at);
  const chars = saidChars(row.last_seq - from + 1);
  const [said, read] = await Promise.all([
    store.saidBetween(reader, row.id, { from, to: row.last_seq, chars }),
    memory.retrieval === 0 ? readBeginnings(deps, reader, row) : undefined,
  ]);
  const found = read ?? (await retrieve(deps, reader, { row, memory, said, from }));
  const level = clipLevel(
    said.map(({ content }) => Math.min(content.length, chars)),
    WINDOW_CHARS,
  );
  const tooLong = said.some(({ content }) => content.length > chars);
  return {
    ...found,
    said,
    clip: level ?? (tooLong ? chars : null),
    summary: newest ? { up_to_seq: newest.up_to_seq, text: newest.text } : null,
    upkeep: found.upkeep || isBehind(memory, at),
  };
}

type Found = Pick<Recall, 'retrieved' | 'excerpts' | 'grounding' | 'documents' | 'upkeep'>;
const idsOf = ({ context }: DiscussionRow) => context.map(({ document_id }) => document_id);

async function readBeginnings({ knowledge }: RecallDeps, reader: Reader, row: DiscussionRow): Promise<Found> {
  const excerpts = fitDocuments(await knowledge.excerpts(reader, idsOf(row), DOCUMENT_BUDGET));
  const documents = excerpts.map(({ id, title, bytes }) => ({ document_id: id, title, bytes }));
  return { retrieved: [], excerpts, grounding: excerpts, documents, upkeep: false };
}

type Wanted = {
  readonly row: DiscussionRow;
  readonly memory: Memory;
  readonly said: readonly Said[];
  readonly from: number;
};

async function retrieve(deps: RecallDeps, reader: Reader, { row, memory, said, from }: Wanted): Promise<Found> {
  const last = said.slice(-QUERY_MESSAGES).map(({ content }) => content.slice(0, QUERY_MESSAGE_CHARS));
  const query = [row.topic.slice(0, QUERY_MESSAGE_CHARS), ...last].join('\n');
  const limit = memory.retrieval;
  const earlier = { query, before: from, limit, chars: PASSAGE_CHARS };
  const [passages, messages, known, kept] = await Promise.all([
    deps.knowledge.passages(reader, { ids: idsOf(row), query, limit }),
    from > 1 ? store.recallMessages(reader, row.id, earlier) : [],
    deps.knowledge.excerpts(reader, idsOf(row), 0),
    from > WORDS_STRIDE ? store.wordsUpTo(reader, row.id) : 0,
  ]);
  const retrieved = inTurns<Recall['retrieved'][number]>(
    passages.map(({ id, title, text }) => ({ kind: 'document' as const, document_id: id, seq: null, title, text })),
    messages.map(({ seq, name, text }) => ({
      ...{ kind: 'message' as const, document_id: null, seq },
      ...{ title: name, text: clip(text, PASSAGE_CHARS) },
    })),
  ).slice(0, limit);
  return {
    retrieved,
    excerpts: [],
    grounding: retrieved.flatMap(({ document_id: id, title, text }) => (id === null ? [] : [{ id, title, text }])),
    documents: known.map(({ id, title, bytes }) => ({ document_id: id, title, bytes })),
    upkeep: from - 1 - kept >= WORDS_STRIDE,
  };
}

/** One of each after the other, so that neither documents nor messages crowd the other out. */
export function inTurns<T>(one: readonly T[], other: readonly T[]): T[] {
  const longest = Math.max(one.length, other.length);
  return Array.from({ length: longest }, (_, index) => [one[index], other[index]])
    .flat()
    .filter((item) => item !== undefined);
}
