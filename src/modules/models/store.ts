import { sql } from 'kysely';
import type { Queries, Reader, Tx } from '../../platform/db/queries.ts';
import type { ProviderKind } from './rules.ts';

export type ProviderRow = {
  name: string;
  kind: ProviderKind;
  base_url: string | null;
  api_key_sealed: string | null;
  api_key_last4: string | null;
  version: number;
  updated_at: Date;
};
type Scope = Queries & { readonly ctx: { readonly tenantId: string } };

const columns = sql.raw('name, kind, base_url, api_key_sealed, api_key_last4, version, updated_at');

export function listProviders(from: Scope): Promise<ProviderRow[]> {
  return from.all<ProviderRow>(sql`
    select ${columns} from model_providers where tenant_id = ${from.ctx.tenantId} order by name`);
}

export function findProvider(from: Scope, name: string): Promise<ProviderRow | undefined> {
  return from.first<ProviderRow>(sql`
    select ${columns} from model_providers where tenant_id = ${from.ctx.tenantId} and name = ${name}`);
}

export function lockProvider(tx: Tx, name: string): Promise<ProviderRow | undefined> {
  return tx.first<ProviderRow>(sql`
    select ${columns} from model_providers where tenant_id = ${tx.ctx.tenantId} and name = ${name} for update`);
}

export function countProviders(tx: Tx): Promise<{ count: number } | undefined> {
  return tx.first(sql`select count(*) as count from model_providers where tenant_id = ${tx.ctx.tenantId}`);
}

export async function upsertProvider(
  tx: Tx,
  { name, kind, base_url, api_key_sealed, api_key_last4 }: Omit<ProviderRow, 'version' | 'updated_at'>,
): Promise<ProviderRow> {
  const row = await tx.first<ProviderRow>(sql`
    insert into model_providers as p (tenant_id, name, kind, base_url, api_key_sealed, api_key_last4)
    values (${tx.ctx.tenantId}, ${name}, ${kind}, ${base_url}, ${api_key_sealed}, ${api_key_last4})
    on conflict (tenant_id, name) do update set kind = excluded.kind, base_url = excluded.base_url,
      api_key_sealed = excluded.api_key_sealed, api_key_last4 = excluded.api_key_last4,
      version = p.version + 1, updated_at = now()
    returning ${columns}`);
  return row as ProviderRow;
}

export function deleteProvider(tx: Tx, name: string): Promise<number> {
  return tx.run(sql`delete from model_providers where tenant_id = ${tx.ctx.tenantId} and name = ${name}`);
}

export function findDefaultModel(reader: Reader): Promise<{ default_model: string | null } | undefined> {
  return reader.first(sql`select default_model from model_settings where tenant_id = ${reader.ctx.tenantId}`);
}

export function setDefaultModel(tx: Tx, model: string | null): Promise<number> {
  return tx.run(sql`
    insert into model_settings as s (tenant_id, default_model) values (${tx.ctx.tenantId}, ${model})
    on conflict (tenant_id) do update set default_model = excluded.default_model, version = s.version + 1,
      updated_at = now()`);
}
