import { sql } from 'kysely';
import type { Reader, Tx } from '../../platform/db/queries.ts';
import type { Agent } from './schemas.ts';

export type AgentRow = Omit<Agent, 'created_at' | 'updated_at'> & { created_at: Date; updated_at: Date };
export type Definition = Pick<
  Agent,
  'name' | 'model' | 'fallback_models' | 'instructions' | 'parameters' | 'memory' | 'metadata'
>;

const columns = sql.raw(
  'id, name, model, fallback_models, instructions, parameters, memory, metadata, status, version, created_at, updated_at',
);
const json = (value: unknown) => sql`${JSON.stringify(value)}::jsonb`;

/** Undefined when the name is taken. */
export function insertAgent(tx: Tx, id: string, agent: Definition): Promise<AgentRow | undefined> {
  return tx.first<AgentRow>(sql`
    insert into agents (tenant_id, id, name, model, fallback_models, instructions, parameters, memory, metadata, status)
    values (${tx.ctx.tenantId}, ${id}, ${agent.name}, ${agent.model}, ${json(agent.fallback_models)}, ${agent.instructions},
      ${json(agent.parameters)}, ${json(agent.memory)}, ${json(agent.metadata)}, 'active')
    on conflict (tenant_id, name) do nothing
    returning ${columns}`);
}

/** Undefined when the name is taken by another. The caller holds the row's lock. */
export function updateAgent(tx: Tx, id: string, agent: Definition): Promise<AgentRow | undefined> {
  return tx.first<AgentRow>(sql`
    update agents set name = ${agent.name}, model = ${agent.model},
      fallback_models = ${json(agent.fallback_models)}, instructions = ${agent.instructions},
      parameters = ${json(agent.parameters)}, memory = ${json(agent.memory)}, metadata = ${json(agent.metadata)},
      version = version + 1, updated_at = now()
    where tenant_id = ${tx.ctx.tenantId} and id = ${id} and not exists (
      select 1 from agents other where other.tenant_id = ${tx.ctx.tenantId} and other.name = ${agent.name} and other.id <> ${id})
    returning ${columns}`);
}

export function setStatus(tx: Tx, id: string, status: Agent['status']): Promise<AgentRow | undefined> {
  return tx.first<AgentRow>(sql`
    update agents set status = ${status}, version = version + 1, updated_at = now()
    where tenant_id = ${tx.ctx.tenantId} and id = ${id} returning ${columns}`);
}

export function deleteAgent(tx: Tx, id: string): Promise<number> {
  return tx.run(sql`delete from agents where tenant_id = ${tx.ctx.tenantId} and id = ${id}`);
}

export function lockAgent(tx: Tx, id: string): Promise<AgentRow | undefined> {
  return tx.first<AgentRow>(sql`
    select ${columns} from agents where tenant_id = ${tx.ctx.tenantId} and id = ${id} for update`);
}

/** Locked against deletion until the transaction ends; in the order of their ids, so that two never wait for each other. */
export function shareAgents(tx: Tx, ids: readonly string[]): Promise<AgentRow[]> {
  return tx.all<AgentRow>(sql`
    select ${columns} from agents where tenant_id = ${tx.ctx.tenantId} and id = any(${[...ids]}::uuid[])
    order by id for key share`);
}

export function findAgents(from: Reader | Tx, ids: readonly string[]): Promise<AgentRow[]> {
  return from.all<AgentRow>(sql`
    select ${columns} from agents where tenant_id = ${from.ctx.tenantId} and id = any(${[...ids]}::uuid[])`);
}

export function findAgent(from: Reader | Tx, id: string): Promise<AgentRow | undefined> {
  return from.first<AgentRow>(sql`
    select ${columns} from agents where tenant_id = ${from.ctx.tenantId} and id = ${id}`);
}

export function findAgentByName(from: Reader | Tx, name: string): Promise<AgentRow | undefined> {
  return from.first<AgentRow>(sql`
    select ${columns} from agents where tenant_id = ${from.ctx.tenantId} and name = ${name}`);
}

export type Filter = { status: string | null; q: string | null; limit: number; offset: number };

export function listAgents(
  reader: Reader,
  { status, q, limit, offset }: Filter,
): Promise<(AgentRow & { total: number })[]> {
  return reader.all(sql`
    select ${columns}, count(*) over () as total from agents
    where tenant_id = ${reader.ctx.tenantId}
      and (${status}::text is null or status = ${status})
      and (${q}::text is null or position(lower(${q}) in lower(name || ' ' || instructions)) > 0)
    order by name limit ${limit}::int offset ${offset}::int`);
}

export function countAgents(
  reader: Reader,
  { status, q }: Pick<Filter, 'status' | 'q'>,
): Promise<{ total: number } | undefined> {
  return reader.first(sql`
    select count(*) as total from agents
    where tenant_id = ${reader.ctx.tenantId}
      and (${status}::text is null or status = ${status})
      and (${q}::text is null or position(lower(${q}) in lower(name || ' ' || instructions)) > 0)`);
}

/** Names of the active agents, in order: what other wires list as models. */
export function activeNames(reader: Reader, limit: number): Promise<{ name: string; created_at: Date }[]> {
  return reader.all(sql`
    select name, created_at from agents where tenant_id = ${reader.ctx.tenantId} and status = 'active'
    order by name limit ${limit}::int`);
}

export function insertHolds(tx: Tx, ids: readonly string[], holder: string): Promise<number> {
  return tx.run(sql`
    insert into agent_holds (tenant_id, agent_id, holder)
    select ${tx.ctx.tenantId}::uuid, id, ${holder}::text from unnest(${[...ids]}::uuid[]) as id on conflict do nothing`);
}

export function deleteHolds(tx: Tx, holder: string): Promise<number> {
  return tx.run(sql`delete from agent_holds where tenant_id = ${tx.ctx.tenantId} and holder = ${holder}`);
}

export function findHolders(tx: Tx, id: string, limit: number): Promise<{ holder: string }[]> {
  return tx.all(sql`
    select holder from agent_holds where tenant_id = ${tx.ctx.tenantId} and agent_id = ${id}
    order by created_at, holder limit ${limit}::int`);
}
