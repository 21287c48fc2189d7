import { sql } from 'kysely';
import type { Tx } from '../../../platform/db/queries.ts';

/** Hands out the next fence for the turn under way. The caller holds the discussion's lock. */
export async function takeFence(tx: Tx, id: string): Promise<number> {
  const row = await tx.first<{ fence: number }>(sql`
    update discussions set fence = fence + 1, claimed_step = step
    where tenant_id = ${tx.ctx.tenantId} and id = ${id} returning fence`);
  return (row as { fence: number }).fence;
}
