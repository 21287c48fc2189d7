import { sql } from 'kysely';
import type { Reader, Tx } from '../../../platform/db/queries.ts';
import { anyWordOf } from '../../knowledge/index.ts';
import type { Said } from '../rules/prompt.ts';
import type { Spent } from '../turns/store.ts';
import type { Given, Kept } from './given.ts';

/** Messages from one seq to another as speakers are given them, in order; of each, `chars` characters and one more. */
export function saidBetween(
  from: Reader | Tx,
  discussionId: string,
  range: { readonly from: number; readonly to: number; readonly chars: number },
): Promise<Said[]> {
  return from.all<Said>(sql`
    select seq, author ->> 'participant_id' as "participantId", author ->> 'name' as name,
      left(content, ${range.chars + 1}::int) as content
    from discussion_entries
    where tenant_id = ${from.ctx.tenantId} and discussion_id = ${discussionId}
      and seq between ${range.from}::int and ${range.to}::int
    order by seq`);
}

/** What was given for a turn (null: nothing was written yet); undefined for a turn that does not exist. */
export function findGiven(
  reader: Reader,
  discussionId: string,
  turn: number,
): Promise<{ given: Given | null } | undefined> {
  return reader.first<{ given: Given | null }>(sql`
    select given from discussion_turns
    where tenant_id = ${reader.ctx.tenantId} and discussion_id = ${discussionId} and turn = ${turn}`);
}

export async function findTexts(
  reader: Reader,
  discussionId: string,
  hashes: readonly string[],
): Promise<Map<string, string>> {
  const rows = await reader.all<{ hash: string; text: string }>(sql`
    select hash, text from discussion_texts
    where tenant_id = ${reader.ctx.tenantId} and discussion_id = ${discussionId} and hash = any(${[...hashes]}::text[])`);
  return new Map(rows.map(({ hash, text }) => [hash, text]));
}

/** A statement's beginning that keeps the texts of an account, whichever are new; for the statement that keeps it. */
export function keepTexts(tx: Tx, discussionId: string, kept: Kept | undefined) {
  const texts = [...(kept?.texts ?? [])];
  return sql`
    with texts as (
      insert into discussion_texts (tenant_id, discussion_id, hash, text)
      select ${tx.ctx.tenantId}::uuid, ${discussionId}::uuid, t.hash, t.text
      from unnest(${texts.map(([hash]) => hash)}::text[], ${texts.map(([, text]) => text)}::text[]) as t (hash, text)
      on conflict do nothing)`;
}

/** Keeps what somebody was given who takes the turn by himself (see `seats/`). */
export function saveGiven(tx: Tx, discussionId: string, { turn, kept }: { turn: number; kept: Kept }): Promise<number> {
  return tx.run(sql`
    ${keepTexts(tx, discussionId, kept)}
    update discussion_turns set given = ${JSON.stringify(kept.given)}::jsonb
    where tenant_id = ${tx.ctx.tenantId} and discussion_id = ${discussionId} and turn = ${turn}`);
}

/** The same of who is about to speak, except where the turn has ended or been begun anew meanwhile. */
export async function saveBeforehand(
  tx: Tx,
  discussionId: string,
  { turn, kept }: { turn: number; kept: Kept },
): Promise<void> {
  // The discussion before the turn, as everybody locks them: its texts refer to it.
  await tx.run(sql`
    select from discussions where tenant_id = ${tx.ctx.tenantId} and id = ${discussionId} for key share`);
  await tx.run(sql`
    ${keepTexts(tx, discussionId, kept)}
    update discussion_turns set given = ${JSON.stringify(kept.given)}::jsonb
    where tenant_id = ${tx.ctx.tenantId} and discussion_id = ${discussionId} and turn = ${turn}
      and attempts = ${kept.given.attempt} and status = 'running'`);
}

export type SummaryRow = {
  readonly up_to_seq: number;
  readonly text: string;
  readonly model: string;
  readonly generation_id: string;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost_nano_usd: number | null;
  readonly created_at: Date;
};

/** The newest summary. */
export function findSummary(from: Reader | Tx, discussionId: string): Promise<SummaryRow | undefined> {
  return from.first<SummaryRow>(sql`
    select up_to_seq, text, model, generation_id, input_tokens, output_tokens, cost_nano_usd, created_at
    from discussion_summaries where tenant_id = ${from.ctx.tenantId} and discussion_id = ${discussionId}
    order by up_to_seq desc limit 1`);
}

/** Keeps a summary that goes further than every other; 0 when it does not. The caller holds the discussion's lock. */
export function insertSummary(tx: Tx, discussionId: string, row: SummaryRow): Promise<number> {
  return tx.run(sql`
    insert into discussion_summaries (tenant_id, discussion_id, up_to_seq, text, model, generation_id, input_tokens,
      output_tokens, cost_nano_usd, created_at)
    select ${tx.ctx.tenantId}::uuid, ${discussionId}::uuid, ${row.up_to_seq}::int, ${row.text}::text, ${row.model}::text,
      ${row.generation_id}::uuid, ${row.input_tokens}::int, ${row.output_tokens}::int, ${row.cost_nano_usd}::bigint,
      ${row.created_at}::timestamptz
    where not exists (select 1 from discussion_summaries s where s.tenant_id = ${tx.ctx.tenantId}
      and s.discussion_id = ${discussionId} and s.up_to_seq >= ${row.up_to_seq}::int)`);
}

/** Counts what a summary cost, also one that failed. */
export function addSummaryCost(tx: Tx, discussionId: string, spent: Spent): Promise<number> {
  return tx.run(sql`
    update discussions set input_tokens = input_tokens + ${spent.input_tokens},
      output_tokens = output_tokens + ${spent.output_tokens},
      cost_nano_usd = cost_nano_usd + coalesce(${spent.cost_nano_usd}::bigint, 0), version = version + 1, updated_at = now()
    where tenant_id = ${tx.ctx.tenantId} and id = ${discussionId}`);
}

/** Takes the newest summary of what a fork begins with over into it. What it cost was paid for there. */
export function copySummary(tx: Tx, { from, to, upTo }: { from: string; to: string; upTo: number }): Promise<number> {
  return tx.run(sql`
    insert into discussion_summaries (tenant_id, discussion_id, up_to_seq, text, model, generation_id, input_tokens,
      output_tokens, cost_nano_usd, created_at)
    select tenant_id, ${to}::uuid, up_to_seq, text, model, generation_id, 0, 0, null, created_at
    from discussion_summaries where tenant_id = ${tx.ctx.tenantId} and discussion_id = ${from}::uuid
      and up_to_seq <= ${upTo}::int
    order by up_to_seq desc limit 1`);
}

/** The last message whose words are kept; 0 when there is none. */
export async function wordsUpTo(from: Reader | Tx, discussionId: string): Promise<number> {
  const row = await from.first<{ seq: number | null }>(sql`
    select max(seq) as seq from discussion_words
    where tenant_id = ${from.ctx.tenantId} and discussion_id = ${discussionId}`);
  return row?.seq ?? 0;
}

/** Characters of a message in which words are looked for. */
const SEARCHED_CHARS = 4_000;
const words = sql.raw(`to_tsvector('english', left(e.content, ${SEARCHED_CHARS}))`);

/** Keeps the words of the next messages; answers how many. */
export function addWords(
  tx: Tx,
  discussionId: string,
  { upTo, limit }: { upTo: number; limit: number },
): Promise<number> {
  return tx.run(sql`
    insert into discussion_words (tenant_id, discussion_id, seq, search)
    select e.tenant_id, e.discussion_id, e.seq, ${words} from discussion_entries e
    where e.tenant_id = ${tx.ctx.tenantId} and e.discussion_id = ${discussionId} and e.seq <= ${upTo}::int
      and e.seq > (select coalesce(max(w.seq), 0) from discussion_words w
        where w.tenant_id = ${tx.ctx.tenantId} and w.discussion_id = ${discussionId})
    order by e.seq limit ${limit}::int
    on conflict do nothing`);
}

export type Recalled = { readonly seq: number; readonly name: string; readonly text: string };
export type RecallQuery = {
  readonly query: string;
  /** Only messages before this one. */
  readonly before: number;
  readonly limit: number;
  /** Characters of each. */
  readonly chars: number;
};

/** Messages for which no words are kept yet, and which are looked through all the same, the newest. */
const UNKEPT = 100;

/**
 * The earlier messages that have most of the query's words, the best first. Ranking is what costs, so only what matches is
 * ranked, and once (20,000 messages: 170 ms instead of 500); the lateral join keeps a planner without statistics from reading the whole log for ten messages.
 */
export function recallMessages(reader: Reader, discussionId: string, wanted: RecallQuery): Promise<Recalled[]> {
  const { tenantId } = reader.ctx;
  return reader.all<Recalled>(sql`
    with query as materialized (select ${anyWordOf(wanted.query)} as q), kept as materialized (
      select coalesce(max(seq), 0) as seq from discussion_words
      where tenant_id = ${tenantId} and discussion_id = ${discussionId}
    ), best as materialized (
      select seq, score from (
        select w.seq, ts_rank(w.search, query.q, 1) as score from discussion_words w cross join query
        where w.tenant_id = ${tenantId} and w.discussion_id = ${discussionId} and w.seq < ${wanted.before}::int
          and w.search @@ query.q
        union all
        select u.seq, ts_rank(u.search, query.q, 1) from (
          select e.seq, ${words} as search from discussion_entries e
          where e.tenant_id = ${tenantId} and e.discussion_id = ${discussionId} and e.seq < ${wanted.before}::int
            and e.seq > (select kept.seq from kept)
          order by e.seq desc limit ${UNKEPT}::int
        ) u cross join query where u.search @@ query.q
      ) found order by score desc, seq desc limit ${wanted.limit}::int
    )
    select best.seq, e.name, e.text from best cross join lateral (
      select e.author ->> 'name' as name, left(e.content, ${wanted.chars + 1}::int) as text from discussion_entries e
      where e.tenant_id = ${tenantId} and e.discussion_id = ${discussionId} and e.seq = best.seq limit 1
    ) e
    order by best.score desc, best.seq desc`);
}
