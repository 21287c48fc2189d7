import { sql } from 'kysely';
import type { Reader, Tx } from '../../platform/db/queries.ts';
import type { Memory } from './memory/schemas.ts';
import type { Participant, State } from './rules/fold.ts';
import type { Limits } from './rules/limits.ts';
import type { KeptPolicy } from './rules/policies.ts';
import type { Status } from './rules/status.ts';
import type { By, ContextFacts, Discussion } from './schemas.ts';

/** A discussion as it is kept. What changes with its log is folded into it at each commit. */
export type DiscussionRow = {
  readonly id: string;
  readonly topic: string;
  readonly policy: KeptPolicy;
  readonly on_post: Discussion['on_post'];
  readonly on_turn_failure: Discussion['on_turn_failure'];
  readonly memory: Partial<Memory>;
  readonly participants: readonly Participant[];
  readonly context: readonly ContextFacts[];
  /** `turns` were had in the other, and cost nothing here. */
  readonly forked_from: (NonNullable<Discussion['forked_from']> & { readonly turns: number }) | null;
  readonly created_by: By;
  readonly created_at: Date;
  limits: Limits;
  status: Status;
  status_reason: string | null;
  state: State;
  next_speaker: { participant_id: string; reason: string } | null;
  step: number;
  turn: number;
  attempt: number;
  last_entry: number;
  last_seq: number;
  input_tokens: number;
  output_tokens: number;
  cost_nano_usd: number;
  elapsed_ms: number;
  running_since: Date | null;
  version: number;
  updated_at: Date;
  started_at: Date | null;
  ended_at: Date | null;
  /** When the turn under way is cut. */
  deadline: Date | null;
  /** The newest claim of a turn (seats/store.ts writes both), and the step in which it was made. */
  readonly fence: number;
  readonly claimed_step: number | null;
};

const columns = sql.raw(
  'id, topic, policy, limits, on_post, on_turn_failure, memory, participants, context, forked_from, created_by, ' +
    'created_at, status, status_reason, state, next_speaker, step, turn, attempt, last_entry, last_seq, input_tokens, ' +
    'output_tokens, cost_nano_usd, elapsed_ms, running_since, version, updated_at, started_at, ended_at, ' +
    'deadline, fence, claimed_step',
);
const json = (value: unknown) => sql`${value === null ? null : JSON.stringify(value)}::jsonb`;

export function insertDiscussion(tx: Tx, row: DiscussionRow): Promise<number> {
  return tx.run(sql`
    insert into discussions (tenant_id, id, topic, policy, limits, on_post, on_turn_failure, memory, participants, context,
      forked_from, created_by, created_at, status, status_reason, state, next_speaker, step, turn, attempt, running_since,
      updated_at, started_at)
    values (${tx.ctx.tenantId}, ${row.id}, ${row.topic}, ${json(row.policy)}, ${json(row.limits)}, ${row.on_post},
      ${row.on_turn_failure}, ${json(row.memory)}, ${json(row.participants)}, ${json(row.context)}, ${json(row.forked_from)},
      ${json(row.created_by)}, ${row.created_at}, ${row.status}, ${row.status_reason}, ${json(row.state)}, ${json(row.next_speaker)}, ${row.step},
      ${row.turn}, ${row.attempt}, ${row.running_since}, ${row.updated_at}, ${row.started_at})`);
}

/** Writes what changes. The caller holds the row's lock. */
export function saveDiscussion(tx: Tx, row: DiscussionRow): Promise<number> {
  return tx.run(sql`
    update discussions set limits = ${json(row.limits)}, status = ${row.status}, status_reason = ${row.status_reason}, state = ${json(row.state)},
      next_speaker = ${json(row.next_speaker)}, step = ${row.step}, turn = ${row.turn}, attempt = ${row.attempt},
      last_entry = ${row.last_entry}, last_seq = ${row.last_seq}, input_tokens = ${row.input_tokens},
      output_tokens = ${row.output_tokens}, cost_nano_usd = ${row.cost_nano_usd}, elapsed_ms = ${row.elapsed_ms},
      running_since = ${row.running_since}, version = ${row.version}, updated_at = ${row.updated_at},
      started_at = ${row.started_at}, ended_at = ${row.ended_at}, deadline = ${row.deadline}
    where tenant_id = ${tx.ctx.tenantId} and id = ${row.id}`);
}

export function findDiscussion(from: Reader | Tx, id: string): Promise<DiscussionRow | undefined> {
  return from.first<DiscussionRow>(sql`
    select ${columns} from discussions where tenant_id = ${from.ctx.tenantId} and id = ${id}`);
}

/**
 * Everything that changes a discussion takes this lock first, before any lock on a job: whoever is first decides, and
 * nobody waits in a circle.
 */
export function lockDiscussion(tx: Tx, id: string): Promise<DiscussionRow | undefined> {
  return tx.first<DiscussionRow>(sql`
    select ${columns} from discussions where tenant_id = ${tx.ctx.tenantId} and id = ${id} for update`);
}

export type ListFilter = { status: string | null; before: string | null; limit: number };

/** Newest first. */
export function listDiscussions(reader: Reader, { status, before, limit }: ListFilter): Promise<DiscussionRow[]> {
  return reader.all<DiscussionRow>(sql`
    select ${columns} from discussions
    where tenant_id = ${reader.ctx.tenantId}
      and (${status}::text is null or status = ${status}::text)
      and (${before}::uuid is null or id < ${before}::uuid)
    order by id desc limit ${limit}::int`);
}

/** Of all tenants, for the metrics. */
export const countByStatus = sql<{ status: string; count: number }>`
  select status, count(*) as count from discussions group by status`;
