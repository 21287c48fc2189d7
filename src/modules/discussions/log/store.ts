import { sql } from 'kysely';
import type { Reader, Tx } from '../../../platform/db/queries.ts';
import type { Choice, Fact } from '../rules/fold.ts';
import type { Author, MessageMetadata } from '../schemas.ts';

/** What an entry keeps beside what a message shows. */
export type EntryMetadata = MessageMetadata & {
  /** Proposals: what the rules made of the answer, and why it did not count. */
  choice?: Choice;
  refused?: string | null;
  /** Ballots: the participant whom it counts for. */
  vote?: string | null;
  /** What the policy heard in it beside whom it calls. */
  cues?: number[];
  edge?: true;
  /** Ends of turns. */
  outcome?: 'skipped' | 'failed' | 'interrupted';
};

/** One entry of a discussion's log. Never changed. */
export type EntryRow = {
  readonly entry: number;
  readonly id: string;
  readonly kind: 'message' | 'proposal' | 'ballot' | 'turn_end';
  readonly seq: number | null;
  readonly turn: number | null;
  readonly author: Author;
  readonly content: string;
  readonly metadata: EntryMetadata;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost_nano_usd: number | null;
  readonly time_to_first_token_ms: number | null;
  readonly duration_ms: number | null;
  readonly created_at: Date;
};
export type MessageRow = EntryRow & { readonly seq: number };

const columns = sql.raw(
  'entry, id, kind, seq, turn, author, content, metadata, input_tokens, output_tokens, cost_nano_usd, ' +
    'time_to_first_token_ms, duration_ms, created_at',
);

export function insertEntry(tx: Tx, discussionId: string, row: EntryRow): Promise<number> {
  return tx.run(sql`
    insert into discussion_entries (tenant_id, discussion_id, entry, id, kind, seq, turn, author, content, metadata,
      input_tokens, output_tokens, cost_nano_usd, time_to_first_token_ms, duration_ms, created_at)
    values (${tx.ctx.tenantId}, ${discussionId}, ${row.entry}, ${row.id}, ${row.kind}, ${row.seq}, ${row.turn},
      ${JSON.stringify(row.author)}::jsonb, ${row.content}, ${JSON.stringify(row.metadata)}::jsonb, ${row.input_tokens},
      ${row.output_tokens}, ${row.cost_nano_usd}, ${row.time_to_first_token_ms}, ${row.duration_ms}, ${row.created_at})`);
}

/** Messages after `seq`, oldest first. */
export function messagesAfter(
  reader: Reader,
  id: string,
  { seq, limit }: { seq: number; limit: number },
): Promise<MessageRow[]> {
  return reader.all<MessageRow>(sql`
    select ${columns} from discussion_entries
    where tenant_id = ${reader.ctx.tenantId} and discussion_id = ${id} and seq > ${seq}
    order by seq limit ${limit}::int`);
}

/** The last messages before `seq`, newest first. */
export function messagesBefore(
  reader: Reader,
  id: string,
  { seq, limit }: { seq: number; limit: number },
): Promise<MessageRow[]> {
  return reader.all<MessageRow>(sql`
    select ${columns} from discussion_entries
    where tenant_id = ${reader.ctx.tenantId} and discussion_id = ${id} and seq < ${seq}
    order by seq desc limit ${limit}::int`);
}

/** The whole log as the rules see it: what a fold begins from when the kept state is doubted. */
export async function facts(from: Reader | Tx, id: string): Promise<Fact[]> {
  const rows = await from.all<FactRow>(sql`
    select kind, turn, author, metadata from discussion_entries
    where tenant_id = ${from.ctx.tenantId} and discussion_id = ${id} order by entry`);
  return rows.map(factOf);
}

type FactRow = Pick<EntryRow, 'kind' | 'turn' | 'author' | 'metadata'>;
type Range = { readonly after: number; readonly upTo: number; readonly limit: number };

/** Entries after one and up to another as the rules see them, in order: a fold of a part, page by page. */
export async function factsBetween(from: Reader | Tx, id: string, { after, upTo, limit }: Range): Promise<Fact[]> {
  const rows = await from.all<FactRow>(sql`
    select kind, turn, author, metadata from discussion_entries
    where tenant_id = ${from.ctx.tenantId} and discussion_id = ${id} and entry > ${after}::int and entry <= ${upTo}::int
    order by entry limit ${limit}::int`);
  return rows.map(factOf);
}

/** The entry that holds the message `seq`. */
export async function entryOfMessage(from: Reader | Tx, id: string, seq: number): Promise<number | undefined> {
  const row = await from.first<{ entry: number }>(sql`
    select entry from discussion_entries
    where tenant_id = ${from.ctx.tenantId} and discussion_id = ${id} and seq = ${seq}::int`);
  return row?.entry;
}

/** How many turns had ended with this entry. */
export async function turnsUpTo(from: Reader | Tx, id: string, entry: number): Promise<number> {
  const row = await from.first<{ turns: number }>(sql`
    select count(*) as turns from discussion_entries
    where tenant_id = ${from.ctx.tenantId} and discussion_id = ${id} and entry <= ${entry}::int
      and turn is not null and kind in ('message', 'turn_end')`);
  return row?.turns ?? 0;
}

/** Characters that a page of the log has, and one entry more: speeches may be long. */
const PAGE_CHARS = 2_000_000;

/** Entries after one and up to another, whole and in order: `limit`, or as many as are not too long together, at least one. */
export function entriesBetween(reader: Reader | Tx, id: string, { after, upTo, limit }: Range): Promise<EntryRow[]> {
  return reader.all<EntryRow>(sql`
    select ${columns} from (
      select ${columns}, sum(length(content)) over (order by entry) - length(content) as chars_before from (
        select ${columns} from discussion_entries
        where tenant_id = ${reader.ctx.tenantId} and discussion_id = ${id} and entry > ${after}::int
          and entry <= ${upTo}::int
        order by entry limit ${limit}::int
      ) page
    ) page where chars_before < ${PAGE_CHARS}::int order by entry`);
}

export type Copy = {
  readonly from: string;
  readonly to: string;
  /** The entry before the first one that is copied. */
  readonly after: number;
  /** New ids of the entries after that one, in their order. */
  readonly ids: readonly string[];
  /** In place of theirs. Absent: it stays as it is. */
  readonly metadata?: readonly EntryMetadata[];
};

/**
 * Copies entries of one discussion into the log of another, as they are but for their ids. The range says nothing new, but
 * keeps a planner without statistics from reading the whole log for each page.
 */
export function copyEntries(tx: Tx, { from, to, after, ids, metadata }: Copy): Promise<number> {
  return tx.run(sql`
    insert into discussion_entries (tenant_id, discussion_id, entry, id, kind, seq, turn, author, content, metadata,
      input_tokens, output_tokens, cost_nano_usd, time_to_first_token_ms, duration_ms, created_at)
    select e.tenant_id, ${to}::uuid, e.entry, made.id, e.kind, e.seq, e.turn, e.author, e.content,
      coalesce(made.metadata::jsonb, e.metadata), e.input_tokens, e.output_tokens, e.cost_nano_usd, e.time_to_first_token_ms, e.duration_ms, e.created_at
    from unnest(${[...ids]}::uuid[], ${metadata?.map((one) => JSON.stringify(one)) ?? ids.map(() => null)}::text[])
      with ordinality as made (id, metadata, place)
    join discussion_entries e on e.tenant_id = ${tx.ctx.tenantId} and e.discussion_id = ${from}::uuid
      and e.entry > ${after}::int and e.entry <= ${after + ids.length}::int and e.entry = ${after}::int + made.place::int`);
}

/** What the turn rules see of an entry. */
export function factOf({ kind, turn, author, metadata }: FactRow): Fact {
  const { calls, cues, edge } = metadata;
  if (kind === 'message') {
    const heard = { ...(calls && { calls }), ...(cues && { cues }), ...(edge && { edge }) };
    return { kind, turn, participantId: author.participant_id, ...heard };
  }
  if (kind === 'proposal') return { kind, turn: turn as number, choice: metadata.choice as Choice };
  const participantId = author.participant_id as string;
  if (kind === 'ballot') return { kind, turn: turn as number, participantId, choice: metadata.vote ?? null };
  return { kind, turn: turn as number, participantId, outcome: metadata.outcome ?? 'skipped', ...(edge && { edge }) };
}
