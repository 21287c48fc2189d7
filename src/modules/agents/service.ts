import { uuidv7 } from '../../lib/ids.ts';
import type { Ctx } from '../../platform/context.ts';
import { violates } from '../../platform/db/errors.ts';
import type { Db, Reader, Tx } from '../../platform/db/queries.ts';
import { append } from '../../platform/events/outbox.ts';
import { AppError } from '../../platform/http/errors.ts';
import { validationFailed } from '../../platform/http/validation.ts';
import type { Knowledge } from '../knowledge/index.ts';
import type { Generation, Models, Parameters } from '../models/index.ts';
import { agentChanged, agentRegistered } from './events.ts';
import { DOCUMENT_BUDGET, fitDocuments, invokePrompt, modelParameters } from './rules.ts';
import type { Agent, ChangeAgent, CreateAgent, Invoke } from './schemas.ts';
import * as store from './store.ts';

export type ListAgents = { page: number; page_size: number; status?: Agent['status']; q?: string };
export type MatchedChange = ChangeAgent & { match: readonly number[] | 'any' };
export type Page<T> = { items: T[]; total: number; page: number; page_size: number };

/** What an agent is asked. `parameters` go before its own (OpenAI's wire has them with each request). */
export type Ask = Invoke & { readonly parameters?: Parameters };

/** Agents of a tenant: a model with instructions and a name. */
export type Agents = {
  /** Throws `already_exists` when the name is taken. */
  create(tx: Tx, input: CreateAgent): Promise<Agent>;
  /** Throws `not_found`. */
  get(ctx: Ctx, id: string): Promise<Agent>;
  list(ctx: Ctx, filter: ListAgents): Promise<Page<Agent>>;
  /** Throws `not_found`, `version_mismatch` when `match` (If-Match) does not name the newest version, `already_exists`. */
  update(ctx: Ctx, id: string, change: MatchedChange): Promise<Agent>;
  /** Archived: kept, and still speaking where it already takes part, but in nothing new. Twice is fine. */
  setStatus(ctx: Ctx, id: string, status: Agent['status']): Promise<Agent>;
  /** Throws `not_found`, or `in_use` with the holders while a discussion still needs it. */
  remove(ctx: Ctx, id: string): Promise<void>;
  /** Those that exist, in no order. From a `Tx`, they are also locked against deletion. */
  find(from: Reader | Tx, ids: readonly string[]): Promise<Agent[]>;
  /** For `agent:NAME`. Throws `model_not_found`; archived ones count as missing. */
  byName(ctx: Ctx, name: string): Promise<Agent>;
  /** The first 1,000 active agents by name. */
  activeNames(ctx: Ctx): Promise<{ name: string; createdAt: Date }[]>;
  /** Keeps agents from being deleted while `holder` (`discussions/ID`) needs them. The agents must exist. */
  hold(tx: Tx, ids: readonly string[], holder: string): Promise<void>;
  release(tx: Tx, holder: string): Promise<void>;
  /**
   * Lets an active agent answer, alone. Stops when `ctx.signal` aborts. Throws `not_found`, `conflict` when it is
   * archived, `validation_failed` for a document that does not exist; the generation fails with `model_*`.
   */
  invoke(ctx: Ctx, id: string, ask: Ask): Promise<Generation>;
};

export type AgentsDeps = { db: Db; models: Pick<Models, 'stream'>; knowledge: Pick<Knowledge, 'excerpts'> };

const present = (row: store.AgentRow): Agent => ({
  id: row.id,
  name: row.name,
  model: row.model,
  fallback_models: row.fallback_models,
  instructions: row.instructions,
  parameters: row.parameters,
  memory: row.memory,
  metadata: row.metadata,
  status: row.status,
  version: row.version,
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
});

const missing = () => new AppError('not_found', { message: 'There is no such agent.' });
const taken = (name: string) => new AppError('already_exists', { message: `There is an agent named ${name} already.` });

function announceChange(tx: Tx, row: store.AgentRow, change: 'updated' | 'archived' | 'restored' | 'deleted'): void {
  const data = { agent_id: row.id, name: row.name, change, version: row.version };
  append(tx, agentChanged, { stream: `agents/${row.id}`, subject: row.id, data });
}

export function agentsService(deps: AgentsDeps): Agents {
  return { ...registry(deps), ...holds(), invoke: (ctx, id, ask) => invoke(deps, { ctx, id, ask }) };
}

function registry({ db }: AgentsDeps): Omit<Agents, 'hold' | 'release' | 'invoke'> {
  return {
    async create(tx, input) {
      const row = await store.insertAgent(tx, uuidv7(), {
        name: input.name,
        model: input.model ?? null,
        fallback_models: input.fallback_models ?? [],
        instructions: input.instructions ?? '',
        parameters: input.parameters ?? {},
        memory: input.memory ?? {},
        metadata: input.metadata ?? {},
      });
      if (!row) throw taken(input.name);
      append(tx, agentRegistered, {
        stream: `agents/${row.id}`,
        subject: row.id,
        data: { agent_id: row.id, name: row.name },
      });
      return present(row);
    },

    async get(ctx, id) {
      const row = await store.findAgent(db.reader(ctx), id);
      if (!row) throw missing();
      return present(row);
    },

    async list(ctx, { page, page_size, ...filter }) {
      const reader = db.reader(ctx);
      const chosen = { status: filter.status ?? null, q: filter.q ?? null };
      const rows = await store.listAgents(reader, { ...chosen, limit: page_size, offset: (page - 1) * page_size });
      const beyond = page > 1 && rows.length === 0;
      const total = rows[0]?.total ?? (beyond ? (await store.countAgents(reader, chosen))?.total : 0) ?? 0;
      return { items: rows.map(present), total, page, page_size };
    },

    update: (ctx, id, change) => db.inTx(ctx, (tx) => update(tx, id, change)),

    setStatus: (ctx, id, status) =>
      db.inTx(ctx, async (tx) => {
        const old = await store.lockAgent(tx, id);
        if (!old) throw missing();
        if (old.status === status) return present(old);
        const row = (await store.setStatus(tx, id, status)) as store.AgentRow;
        announceChange(tx, row, status === 'archived' ? 'archived' : 'restored');
        return present(row);
      }),

    remove: (ctx, id) =>
      db.inTx(ctx, async (tx) => {
        const row = await store.lockAgent(tx, id);
        if (!row) throw missing();
        const holders = (await store.findHolders(tx, id, 20)).map(({ holder }) => holder);
        if (holders.length > 0) {
          const message = `The agent ${row.name} is still needed.`;
          throw new AppError('in_use', { message, details: { holders } });
        }
        await store.deleteAgent(tx, id);
        announceChange(tx, row, 'deleted');
      }),

    async find(from, ids) {
      const rows = from.kind === 'tx' ? await store.shareAgents(from, ids) : await store.findAgents(from, ids);
      return rows.map(present);
    },

    async byName(ctx, name) {
      const row = await store.findAgentByName(db.reader(ctx), name);
      if (row?.status !== 'active') throw new AppError('model_not_found', { message: `There is no agent ${name}.` });
      return present(row);
    },

    async activeNames(ctx) {
      const rows = await store.activeNames(db.reader(ctx), 1_000);
      return rows.map(({ name, created_at }) => ({ name, createdAt: created_at }));
    },
  };
}

function holds(): Pick<Agents, 'hold' | 'release'> {
  return {
    async hold(tx, ids, holder) {
      await store.insertHolds(tx, ids, holder);
    },
    async release(tx, holder) {
      await store.deleteHolds(tx, holder);
    },
  };
}

async function update(tx: Tx, id: string, { match, ...change }: MatchedChange): Promise<Agent> {
  const old = await store.lockAgent(tx, id);
  if (!old) throw missing();
  if (match !== 'any' && !match.includes(old.version)) {
    throw new AppError('version_mismatch', { details: { current_version: old.version } });
  }
  const next = {
    name: change.name ?? old.name,
    model: change.model === undefined ? old.model : change.model,
    fallback_models: change.fallback_models ?? old.fallback_models,
    instructions: change.instructions ?? old.instructions,
    parameters: change.parameters ?? old.parameters,
    memory: change.memory ?? old.memory,
    metadata: change.metadata ?? old.metadata,
  };
  try {
    const row = await store.updateAgent(tx, id, next);
    if (!row) throw taken(next.name);
    announceChange(tx, row, 'updated');
    return present(row);
  } catch (error) {
    // Two renames to one name at once: the statement's own look came too early.
    if (violates(error, 'unique')) throw taken(next.name);
    throw error;
  }
}

async function invoke(
  { db, models, knowledge }: AgentsDeps,
  { ctx, id, ask }: { ctx: Ctx; id: string; ask: Ask },
): Promise<Generation> {
  const reader = db.reader(ctx);
  const context = ask.context ?? [];
  const asked = context.flatMap((item) => ('document_id' in item ? [item.document_id] : []));
  const [row, kept] = await Promise.all([
    store.findAgent(reader, id),
    knowledge.excerpts(reader, asked, DOCUMENT_BUDGET),
  ]);
  if (!row) throw missing();
  if (row.status === 'archived') throw new AppError('conflict', { message: 'The agent is archived.' });
  const byId = new Map(kept.map((document) => [document.id, document]));
  const documents = context.map((item, index) => {
    if (!('document_id' in item)) return item;
    const found = byId.get(item.document_id);
    if (found) return { id: found.id, title: found.title, text: found.text };
    const field = `context.${index}.document_id`;
    throw validationFailed([{ in: 'body', field, rule: 'exists', message: 'is no document of this tenant' }]);
  });
  const fitted = fitDocuments(documents);
  return models.stream(ctx, {
    model: row.model ?? undefined,
    fallbacks: row.fallback_models,
    messages: invokePrompt(row.instructions, fitted, ask.input),
    parameters: { ...modelParameters(row.parameters), ...ask.parameters },
    documents: fitted,
    purpose: { kind: 'agent', agentId: row.id },
  });
}
