import { sql } from 'kysely';
import type { Queries, Reader, Tx } from '../../platform/db/queries.ts';
import { QUERY_CHARS, QUERY_WORDS } from './passages.ts';
import { MARK_END, MARK_START } from './rules.ts';
import type { DocumentFacts } from './schemas.ts';

export type FactsRow = {
  id: string;
  title: string;
  bytes: number;
  words: number;
  metadata: DocumentFacts['metadata'];
  version: number;
  created_at: Date;
  updated_at: Date;
};
export type DocumentRow = FactsRow & { text: string };
export type Contents = Pick<DocumentRow, 'title' | 'text' | 'bytes' | 'words' | 'metadata'>;
type Scope = Queries & { readonly ctx: { readonly tenantId: string } };

const facts = sql.raw('id, title, bytes, words, metadata, version, created_at, updated_at');

export async function insertDocument(tx: Tx, id: string, contents: Contents): Promise<FactsRow> {
  const { title, text, bytes, words, metadata } = contents;
  const row = await tx.first<FactsRow>(sql`
    insert into documents (tenant_id, id, title, text, bytes, words, metadata)
    values (${tx.ctx.tenantId}, ${id}, ${title}, ${text}, ${bytes}, ${words}, ${JSON.stringify(metadata)}::jsonb)
    returning ${facts}`);
  return row as FactsRow;
}

/** Undefined when somebody changed it since `version`. */
export function updateDocument(
  tx: Tx,
  id: string,
  { version, ...contents }: Contents & { version: number },
): Promise<FactsRow | undefined> {
  return tx.first<FactsRow>(sql`
    update documents set title = ${contents.title}, text = ${contents.text}, bytes = ${contents.bytes},
      words = ${contents.words}, metadata = ${JSON.stringify(contents.metadata)}::jsonb, version = version + 1, updated_at = now()
    where tenant_id = ${tx.ctx.tenantId} and id = ${id} and version = ${version}
    returning ${facts}`);
}

export function deleteDocument(tx: Tx, id: string): Promise<number> {
  return tx.run(sql`delete from documents where tenant_id = ${tx.ctx.tenantId} and id = ${id}`);
}

export function findDocument(from: Scope, id: string): Promise<DocumentRow | undefined> {
  return from.first<DocumentRow>(sql`
    select ${facts}, text from documents where tenant_id = ${from.ctx.tenantId} and id = ${id}`);
}

export function lockDocument(tx: Tx, id: string): Promise<DocumentRow | undefined> {
  return tx.first<DocumentRow>(sql`
    select ${facts}, text from documents where tenant_id = ${tx.ctx.tenantId} and id = ${id} for update`);
}

export type Excerpt = { id: string; title: string; bytes: number; text: string };

/** The first `maxChars` characters of each of these documents; what is gone is left out. */
export function findExcerpts(from: Scope, ids: readonly string[], maxChars: number): Promise<Excerpt[]> {
  return from.all<Excerpt>(sql`
    select id, title, bytes, left(text, ${maxChars}::int) as text
    from documents where tenant_id = ${from.ctx.tenantId} and id = any(${[...ids]}::uuid[])`);
}

type Slice = { limit: number; offset: number };

export function listDocuments(reader: Reader, { limit, offset }: Slice): Promise<(FactsRow & { total: number })[]> {
  return reader.all(sql`
    select ${facts}, count(*) over () as total from documents where tenant_id = ${reader.ctx.tenantId}
    order by id desc limit ${limit}::int offset ${offset}::int`);
}

export function countDocuments(reader: Reader): Promise<{ total: number } | undefined> {
  return reader.first(sql`select count(*) as total from documents where tenant_id = ${reader.ctx.tenantId}`);
}

export type HitRow = FactsRow & { total: number; headline: string };

/**
 * Ranked hits of a web search (`"exact words"`, `or`, `-not`; any text at all is a valid query). A word is looked for
 * as it stands and by its English stem. The headline is made from the best of the first 100 passages of 2,000
 * characters, so that a page of very long documents stays quick.
 */
export function searchDocuments(reader: Reader, q: string, { limit, offset }: Slice): Promise<HitRow[]> {
  const options = `StartSel=${MARK_START}, StopSel=${MARK_END}, MaxWords=40, MinWords=15`;
  return reader.all<HitRow>(sql`
    with query as materialized (
      select websearch_to_tsquery('english', ${q}) || websearch_to_tsquery('simple', ${q}) as q
    ), page as materialized (
      select d.id, ts_rank_cd(d.search, query.q) as rank, count(*) over () as total
      from documents d, query where d.tenant_id = ${reader.ctx.tenantId} and d.search @@ query.q
      order by rank desc, d.id desc limit ${limit}::int offset ${offset}::int
    ), head as materialized (
      select d.*, page.rank, page.total,
        translate(left(d.text, 200000), ${MARK_START + MARK_END}, '') as body
      from page join documents d on d.tenant_id = ${reader.ctx.tenantId} and d.id = page.id
    )
    select h.id, h.title, h.bytes, h.words, h.metadata, h.version, h.created_at, h.updated_at, h.total,
      ts_headline('english', best.passage, query.q, ${options}) as headline
    from head h cross join query cross join lateral (
      select substr(h.body, n * 2000 + 1, 2100) as passage
      from generate_series(0, greatest(length(h.body) - 1, 0) / 2000) n
      order by ts_rank(to_tsvector('english', substr(h.body, n * 2000 + 1, 2100))
        || to_tsvector('simple', substr(h.body, n * 2000 + 1, 2100)), query.q) desc, n limit 1
    ) best
    order by h.rank desc, h.id desc`);
}

/** Keeps a document's passages in place of those of its last version. */
export async function replacePassages(tx: Tx, documentId: string, passages: readonly string[]): Promise<void> {
  await tx.run(sql`
    delete from document_passages where tenant_id = ${tx.ctx.tenantId} and document_id = ${documentId}`);
  await tx.run(sql`
    insert into document_passages (tenant_id, document_id, passage, text)
    select ${tx.ctx.tenantId}::uuid, ${documentId}::uuid, p.place - 1, p.text
    from unnest(${[...passages]}::text[]) with ordinality as p (text, place)`);
}

/**
 * A query for texts with any of the words of `text`; null where it has none. The telling ones: those that it repeats,
 * then the longest.
 */
export const anyWordOf = (text: string) => sql`(
  select string_agg('''' || replace(replace(w.lexeme, '\\', '\\\\'), '''', '''''') || '''', ' | ')::tsquery from (
    select lexeme from unnest(to_tsvector('english', ${text.slice(0, QUERY_CHARS)}))
    order by cardinality(positions) desc, length(lexeme) desc, lexeme limit ${sql.raw(String(QUERY_WORDS))}
  ) w)`;

export type Passage = { readonly id: string; readonly title: string; readonly text: string };
export type PassageQuery = { readonly ids: readonly string[]; readonly query: string; readonly limit: number };

/**
 * The passages of these documents that have most of the query's words, the best first; the beginnings where none has any.
 * 25 ms for sixteen documents of 100 KB, 125 ms for sixteen of 1 MiB, whatever else the tenant has: they are found by the
 * primary key (an index of words is of no use under row-level security). With words made each time, 100 KB each took 2.6 s.
 */
export function bestPassages(from: Scope, { ids, query, limit }: PassageQuery): Promise<Passage[]> {
  return from.all<Passage>(sql`
    with query as materialized (select ${anyWordOf(query)} as q), best as materialized (
      select p.document_id, p.passage, coalesce(ts_rank(p.search, query.q, 1), 0) as score
      from document_passages p cross join query
      where p.tenant_id = ${from.ctx.tenantId} and p.document_id = any(${[...ids]}::uuid[])
      order by score desc, p.passage, p.document_id limit ${limit}::int
    )
    select p.document_id as id, d.title, p.text from best b
    join document_passages p on p.tenant_id = ${from.ctx.tenantId} and p.document_id = b.document_id
      and p.passage = b.passage
    join documents d on d.tenant_id = ${from.ctx.tenantId} and d.id = b.document_id
    where b.score > 0 or not exists (select 1 from best where best.score > 0)
    order by b.score desc, b.passage, b.document_id`);
}
