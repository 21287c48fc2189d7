import { sql } from 'kysely';
import type { Reader, Tx } from '../../../platform/db/queries.ts';
import type { Said } from '../rules/prompt.ts';
import type { Given, Kept } from './given.ts';

/** Messages from one seq to another as speakers are given them, in order. */
export function saidBetween(
  from: Reader | Tx,
  discussionId: string,
  range: { readonly from: number; readonly to: number },
): Promise<Said[]> {
  return from.all<Said>(sql`
    select seq, author ->> 'participant_id' as "participantId", author ->> 'name' as name, content
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
