import { sql } from 'kysely';
import type { Queries, Query, SystemTx } from '../db/queries.ts';

/** What is kept of a command's answer. `answer` is sealed. */
export type KeptAnswer = { readonly fingerprint: Buffer; readonly answer: string };

/** How long an answer is kept: longer than any client retries. */
const KEEP_HOURS = 48;

/** Takes the key's lock for this transaction, or answers false at once: waiting would hold a connection a waiter. */
export async function tryLock(tx: Queries, key: string): Promise<boolean> {
  const row = await tx.first<{ locked: boolean }>(sql`select pg_try_advisory_xact_lock(${key}::bigint) as locked`);
  return row?.locked === true;
}

/** The kept answer of this scope, unless it is too old. Works in a tenant's reader and transaction. */
export const findAnswer = (queries: Queries, tenantId: string, scope: Buffer): Promise<KeptAnswer | undefined> =>
  queries.first(sql<KeptAnswer>`
    select fingerprint, answer from idempotent_answers
    where tenant_id = ${tenantId} and scope = ${scope} and expires_at > now()`);

type Keeping = KeptAnswer & { readonly scope: Buffer };

/** Keeps answers; those that were too old are replaced. */
export const keepAnswers = (tenantId: string, answers: readonly Keeping[]): Query<unknown> => sql`
  insert into idempotent_answers (tenant_id, scope, fingerprint, answer, expires_at)
  select ${tenantId}::uuid, scope, fingerprint, answer, now() + make_interval(hours => ${KEEP_HOURS}::int)
    from unnest(${answers.map(({ scope }) => scope)}::bytea[], ${answers.map(({ fingerprint }) => fingerprint)}::bytea[],
                ${answers.map(({ answer }) => answer)}::text[]) as k (scope, fingerprint, answer)
  on conflict (tenant_id, scope) do update set fingerprint = excluded.fingerprint, answer = excluded.answer,
    created_at = excluded.created_at, expires_at = excluded.expires_at`;

/** Takes the locks of several keys for this transaction, each or not, at once. In their order. */
export async function tryLocks(tx: Queries, keys: readonly string[]): Promise<boolean[]> {
  const rows = await tx.all<{ locked: boolean }>(sql`
    select pg_try_advisory_xact_lock(key) as locked from unnest(${keys}::bigint[]) as k (key)`);
  return rows.map(({ locked }) => locked);
}

/** Those of these scopes whose answers are kept, and not too old. */
export const findAnswers = (
  queries: Queries,
  tenantId: string,
  scopes: readonly Buffer[],
): Promise<(KeptAnswer & { readonly scope: Buffer })[]> =>
  queries.all(sql`
    select scope, fingerprint, answer from idempotent_answers
    where tenant_id = ${tenantId} and scope = any(${scopes}::bytea[]) and expires_at > now()`);

export const findPublicAnswer = (queries: Queries, scope: Buffer): Promise<KeptAnswer | undefined> =>
  queries.first(sql<KeptAnswer>`
    select fingerprint, answer from public_idempotent_answers where scope = ${scope} and expires_at > now()`);

export const keepPublicAnswer = (scope: Buffer, kept: KeptAnswer): Query<unknown> => sql`
  insert into public_idempotent_answers (scope, fingerprint, answer, expires_at)
  values (${scope}, ${kept.fingerprint}, ${kept.answer}, now() + make_interval(hours => ${KEEP_HOURS}::int))
  on conflict (scope) do update set fingerprint = excluded.fingerprint, answer = excluded.answer,
    created_at = excluded.created_at, expires_at = excluded.expires_at`;

/** Forgets answers that are too old, at most `limit` of each kind. Resolves to how many. */
export async function purgeAnswers(tx: SystemTx, limit: number): Promise<number> {
  const tenants = await tx.run(sql`
    delete from idempotent_answers where (tenant_id, scope) in (
      select tenant_id, scope from idempotent_answers where expires_at <= now() order by expires_at limit ${limit}::int)`);
  const nobodys = await tx.run(sql`
    delete from public_idempotent_answers where scope in (
      select scope from public_idempotent_answers where expires_at <= now() order by expires_at limit ${limit}::int)`);
  return tenants + nobodys;
}
