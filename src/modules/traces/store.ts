import { sql } from 'kysely';
import type { Reader, Tx } from '../../platform/db/queries.ts';
import type { Filters } from './schemas.ts';

export type GenerationRow = {
  id: string;
  model: string;
  provider: string;
  rehearsal: boolean;
  kind: 'chat' | 'agent' | 'turn' | 'moderator' | 'summary';
  status: 'succeeded' | 'failed' | 'aborted';
  error_code: string | null;
  finish_reason: string | null;
  input_tokens: number;
  output_tokens: number;
  tokens_estimated: boolean;
  output_characters: number;
  cost_nano_usd: number | null;
  attempts: number;
  time_to_first_token_ms: number | null;
  duration_ms: number;
  agent_id: string | null;
  discussion_id: string | null;
  turn: number | null;
  actor_kind: string;
  actor_id: string;
  trace_id: string;
  created_at: Date;
};

const columns = sql.raw(`id, model, provider, rehearsal, kind, status, error_code, finish_reason, input_tokens,
  output_tokens, tokens_estimated, output_characters, cost_nano_usd, attempts, time_to_first_token_ms, duration_ms,
  agent_id, discussion_id, turn, actor_kind, actor_id, trace_id, created_at`);

export function insertGeneration(tx: Tx, row: GenerationRow): Promise<number> {
  return tx.run(sql`
    insert into generations (tenant_id, ${columns})
    values (${tx.ctx.tenantId}, ${row.id}, ${row.model}, ${row.provider}, ${row.rehearsal}, ${row.kind}, ${row.status},
      ${row.error_code}, ${row.finish_reason}, ${row.input_tokens}, ${row.output_tokens}, ${row.tokens_estimated},
      ${row.output_characters}, ${row.cost_nano_usd}, ${row.attempts}, ${row.time_to_first_token_ms},
      ${row.duration_ms}, ${row.agent_id}, ${row.discussion_id}, ${row.turn}, ${row.actor_kind}, ${row.actor_id},
      ${row.trace_id}, ${row.created_at})`);
}

export function findGeneration(reader: Reader, id: string): Promise<GenerationRow | undefined> {
  return reader.first<GenerationRow>(sql`
    select ${columns} from generations where tenant_id = ${reader.ctx.tenantId} and id = ${id}`);
}

/** The newest first, from before `before` on. */
export function listGenerations(
  reader: Reader,
  { before, limit, ...filters }: Filters & { before: string | undefined; limit: number },
): Promise<GenerationRow[]> {
  const wanted = [
    sql`tenant_id = ${reader.ctx.tenantId}`,
    ...(before === undefined ? [] : [sql`id < ${before}::uuid`]),
    // One text a combination of filters, so that each can use its index.
    ...(filters.agent_id === undefined ? [] : [sql`agent_id = ${filters.agent_id}::uuid`]),
    ...(filters.discussion_id === undefined ? [] : [sql`discussion_id = ${filters.discussion_id}::uuid`]),
    ...(filters.status === undefined ? [] : [sql`status = ${filters.status}`]),
    ...(filters.model === undefined ? [] : [sql`model = ${filters.model}`]),
  ];
  return reader.all<GenerationRow>(sql`
    select ${columns} from generations where ${sql.join(wanted, sql` and `)} order by id desc limit ${limit}::int`);
}
