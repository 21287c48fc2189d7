import { sql } from 'kysely';
import type { Reader, Tx } from '../../../platform/db/queries.ts';
import type { Kept as Given } from '../memory/given.ts';
import { keepTexts } from '../memory/store.ts';
import type { Turn, TurnStatus } from '../schemas.ts';

const json = (value: unknown) => sql`${value === null ? null : JSON.stringify(value)}::jsonb`;

export type TurnRow = Omit<Turn, 'usage' | 'started_at' | 'ended_at'> & {
  input_tokens: number;
  output_tokens: number;
  cost_nano_usd: number | null;
  started_at: Date;
  ended_at: Date | null;
};
export type TurnBegin = Pick<
  TurnRow,
  'turn' | 'participant_id' | 'name' | 'reason' | 'status' | 'attempts' | 'started_at'
>;

/** Begins a turn, or begins it anew. */
export function beginTurn(tx: Tx, discussionId: string, turn: TurnBegin): Promise<number> {
  return tx.run(sql`
    insert into discussion_turns (tenant_id, discussion_id, turn, participant_id, name, reason, status, attempts, started_at)
    values (${tx.ctx.tenantId}, ${discussionId}, ${turn.turn}, ${turn.participant_id}, ${turn.name}, ${turn.reason},
      ${turn.status}, ${turn.attempts}, ${turn.started_at})
    on conflict (tenant_id, discussion_id, turn) do update set participant_id = excluded.participant_id,
      name = excluded.name, reason = excluded.reason, status = excluded.status, attempts = excluded.attempts, ended_at = null,
      partial = null, partial_attempt = null`);
}

/** Tokens, and nano-dollars where a price is known. */
export type Spent = {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost_nano_usd: number | null;
};

export type TurnEnd = {
  turn: number;
  status: TurnStatus;
  error: Turn['error'];
  message_id: string | null;
  usage: Spent;
  ended_at: Date | null;
  /** What the speaker was given, where that is known. */
  given?: Given | undefined;
};

/** Sets how a turn stands. What was kept of its text goes with it; usage adds up over the attempts. */
export function setTurn(tx: Tx, discussionId: string, end: TurnEnd): Promise<number> {
  const { input_tokens, output_tokens, cost_nano_usd } = end.usage;
  return tx.run(sql`
    ${keepTexts(tx, discussionId, end.given)}
    update discussion_turns set given = coalesce(${json(end.given?.given ?? null)}, given), status = ${end.status}, error = ${json(end.error)}, message_id = ${end.message_id},
      input_tokens = input_tokens + ${input_tokens}, output_tokens = output_tokens + ${output_tokens},
      cost_nano_usd = case when ${cost_nano_usd}::bigint is null then cost_nano_usd
        else coalesce(cost_nano_usd, 0) + ${cost_nano_usd}::bigint end,
      ended_at = ${end.ended_at}, partial = null, partial_attempt = null
    where tenant_id = ${tx.ctx.tenantId} and discussion_id = ${discussionId} and turn = ${end.turn}`);
}

const turnColumns = sql.raw(
  't.turn, t.participant_id, t.name, t.reason, t.status, t.attempts, t.error, t.message_id, t.input_tokens, ' +
    't.output_tokens, t.cost_nano_usd, t.started_at, t.ended_at, e.seq as message_seq, e.time_to_first_token_ms, ' +
    // What its speaker was chosen by, in the order of the log.
    "coalesce((select jsonb_agg(jsonb_build_object('kind', case when p.kind = 'ballot' then 'ballot' " +
    "when p.author ->> 'kind' = 'system' then 'moderator' else 'person' end, 'by', p.author -> 'name', " +
    "'participant_id', p.author -> 'participant_id', 'content', left(p.content, 2000), 'refused', p.metadata -> 'refused', " +
    "'choice', case when p.kind = 'ballot' then p.metadata -> 'vote' else p.metadata #> '{choice,participantId}' end) " +
    'order by p.entry) from discussion_entries p where p.tenant_id = t.tenant_id and p.discussion_id = t.discussion_id ' +
    "and p.turn = t.turn and p.kind in ('proposal', 'ballot')), '[]') as proposals",
);
/**
 * With what is told of a turn's message: found by the index that lets only one end a turn. One turn at a time: left to
 * join as it likes, a planner without statistics reads the whole log for each page (10,000 turns: 270 ms instead of 10).
 */
const turnsWithMessages = sql.raw(
  'discussion_turns t left join lateral (select m.seq, m.time_to_first_token_ms from discussion_entries m ' +
    'where m.tenant_id = t.tenant_id and m.discussion_id = t.discussion_id and m.turn = t.turn ' +
    "and m.kind = 'message' limit 1) e on true",
);

/** Turns after `turn`, oldest first. */
export function turnsAfter(
  reader: Reader,
  discussionId: string,
  { turn, limit }: { turn: number; limit: number },
): Promise<TurnRow[]> {
  return reader.all<TurnRow>(sql`
    select ${turnColumns} from ${turnsWithMessages}
    where t.tenant_id = ${reader.ctx.tenantId} and t.discussion_id = ${discussionId} and t.turn > ${turn}
    order by t.turn limit ${limit}::int`);
}

/** The last turns before `turn`, newest first. */
export function turnsBefore(
  reader: Reader,
  discussionId: string,
  { turn, limit }: { turn: number; limit: number },
): Promise<TurnRow[]> {
  return reader.all<TurnRow>(sql`
    select ${turnColumns} from ${turnsWithMessages}
    where t.tenant_id = ${reader.ctx.tenantId} and t.discussion_id = ${discussionId} and t.turn < ${turn}
    order by t.turn desc limit ${limit}::int`);
}

/** The same, only the turns from one to another: with a page of the log. */
export function turnsBetween(
  reader: Reader,
  discussionId: string,
  [first, last]: [number, number],
): Promise<TurnRow[]> {
  return reader.all<TurnRow>(sql`
    select ${turnColumns} from ${turnsWithMessages}
    where t.tenant_id = ${reader.ctx.tenantId} and t.discussion_id = ${discussionId}
      and t.turn >= ${first}::int and t.turn <= ${last}::int
    order by t.turn`);
}

/** Copies the turns up to `last` into another discussion, whose log holds the copies of their messages already. */
export function copyTurns(tx: Tx, { from, to, last }: { from: string; to: string; last: number }): Promise<number> {
  return tx.run(sql`
    insert into discussion_turns (tenant_id, discussion_id, turn, participant_id, name, reason, status, attempts, error,
      message_id, input_tokens, output_tokens, cost_nano_usd, started_at, ended_at)
    select t.tenant_id, ${to}::uuid, t.turn, t.participant_id, t.name, t.reason, t.status, t.attempts, t.error,
      (select e.id from discussion_entries e where e.tenant_id = t.tenant_id and e.discussion_id = ${to}::uuid
         and e.turn = t.turn and e.kind = 'message'),
      t.input_tokens, t.output_tokens, t.cost_nano_usd, t.started_at, t.ended_at
    from discussion_turns t
    where t.tenant_id = ${tx.ctx.tenantId} and t.discussion_id = ${from}::uuid and t.turn <= ${last}::int`);
}

/** Adds to what a turn has used, if it has begun. */
export function addTurnUsage(
  tx: Tx,
  discussionId: string,
  { turn, ...spent }: Spent & { turn: number },
): Promise<number> {
  const { input_tokens, output_tokens, cost_nano_usd } = spent;
  return tx.run(sql`
    update discussion_turns set input_tokens = input_tokens + ${input_tokens},
      output_tokens = output_tokens + ${output_tokens},
      cost_nano_usd = case when ${cost_nano_usd}::bigint is null then cost_nano_usd
        else coalesce(cost_nano_usd, 0) + ${cost_nano_usd}::bigint end
    where tenant_id = ${tx.ctx.tenantId} and discussion_id = ${discussionId} and turn = ${turn}`);
}

/** Adds what a generation cost that nobody waited for. The turn may have ended, and the discussion too. */
export async function addSpent(tx: Tx, discussionId: string, spent: Spent & { turn: number }): Promise<void> {
  const { input_tokens, output_tokens, cost_nano_usd } = spent;
  await tx.run(sql`
    update discussions set input_tokens = input_tokens + ${input_tokens}, output_tokens = output_tokens + ${output_tokens},
      cost_nano_usd = cost_nano_usd + coalesce(${cost_nano_usd}::bigint, 0), version = version + 1, updated_at = now()
    where tenant_id = ${tx.ctx.tenantId} and id = ${discussionId}`);
  await addTurnUsage(tx, discussionId, spent);
}

export type Partial = { turn: number; attempt: number; participant_id: string; text: string };
export type Kept = { discussionId: string; turn: number; attempt: number; text: string };

/** Keeps what was said so far, except where the turn has ended or been begun anew meanwhile. */
export function saveKept(tx: Tx, kept: readonly Kept[]): Promise<number> {
  const column = <K extends keyof Kept>(name: K) => kept.map((one) => one[name]);
  return tx.run(sql`
    update discussion_turns t set partial = k.text, partial_attempt = k.attempt
    from unnest(${column('discussionId')}::uuid[], ${column('turn')}::int[], ${column('attempt')}::int[],
      ${column('text')}::text[]) as k (discussion_id, turn, attempt, text)
    where t.tenant_id = ${tx.ctx.tenantId} and t.discussion_id = k.discussion_id and t.turn = k.turn
      and t.attempts = k.attempt and t.status = 'running'`);
}

/** What is known of an attempt that runs elsewhere: what was kept of its words, and how large its prompt is. */
export function findUnderWay(
  tx: Tx,
  discussionId: string,
  { turn, attempt }: { turn: number; attempt: number },
): Promise<{ text: string; prompt_tokens: number } | undefined> {
  return tx.first<{ text: string; prompt_tokens: number }>(sql`
    select case when partial_attempt = ${attempt}::int then coalesce(partial, '') else '' end as text,
      case when (given->>'attempt')::int = ${attempt}::int then coalesce((given->>'tokens')::int, 0) else 0 end as prompt_tokens
    from discussion_turns
    where tenant_id = ${tx.ctx.tenantId} and discussion_id = ${discussionId} and turn = ${turn} and status = 'running'`);
}

/** What was kept of the turn under way, whichever attempt it is of. */
export function findPartial(from: Reader | Tx, discussionId: string, turn: number): Promise<Partial | undefined> {
  return from.first<Partial>(sql`
    select turn, partial_attempt as attempt, participant_id, partial as text from discussion_turns
    where tenant_id = ${from.ctx.tenantId} and discussion_id = ${discussionId} and turn = ${turn}
      and status = 'running' and partial is not null`);
}
