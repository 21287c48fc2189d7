import { sql } from 'kysely';
import type { Reader, Tx } from '../../../platform/db/queries.ts';
import type { Choice, Fact } from '../rules/fold.ts';
import type { Said } from '../rules/prompt.ts';
import type { Author, MessageMetadata } from '../schemas.ts';

/** What an entry keeps beside what a message shows. */
export type EntryMetadata = MessageMetadata & {
  /** Proposals: what the rules made of the answer, and why it did not count. */
  choice?: Choice;
  refused?: string | null;
  /** Ends of turns. */
  outcome?: 'skipped' | 'failed' | 'interrupted';
};

/** One entry of a discussion's log. Never changed. */
export type EntryRow = {
  readonly entry: number;
  readonly id: string;
  readonly kind: 'message' | 'proposal' | 'turn_end';
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

/** The last `limit` messages as a speaker is given them, oldest first. */
export async function lastSaid(reader: Reader, id: string, limit: number): Promise<Said[]> {
  const rows = await reader.all<Said>(sql`
    select author ->> 'participant_id' as "participantId", author ->> 'name' as name, content from discussion_entries
    where tenant_id = ${reader.ctx.tenantId} and discussion_id = ${id} and seq is not null
    order by seq desc limit ${limit}::int`);
  return rows.reverse();
}

/** The whole log as the rules see it: what a fold begins from when the kept state is doubted. */
export async function facts(from: Reader | Tx, id: string): Promise<Fact[]> {
  const rows = await from.all<EntryRow>(sql`
    select ${columns} from discussion_entries
    where tenant_id = ${from.ctx.tenantId} and discussion_id = ${id} order by entry`);
  return rows.map(factOf);
}

/** What the turn rules see of an entry. */
export function factOf({ kind, turn, author, metadata }: EntryRow): Fact {
  if (kind === 'message') return { kind, turn, participantId: author.participant_id };
  if (kind === 'proposal') return { kind, turn: turn as number, choice: metadata.choice as Choice };
  const participantId = author.participant_id as string;
  return { kind, turn: turn as number, participantId, outcome: metadata.outcome ?? 'skipped' };
}
