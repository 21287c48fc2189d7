import { uuidv7 } from '../../lib/ids.ts';
import type { Tx } from '../../platform/db/queries.ts';
import { append } from '../../platform/events/outbox.ts';
import { validationFailed } from '../../platform/http/validation.ts';
import type { Agents } from '../agents/index.ts';
import type { Knowledge } from '../knowledge/index.ts';
import { discussionStarted } from './events.ts';
import { memoryOf } from './memory/window.ts';
import { agentParticipant, fault, gatherParticipants, type People } from './participants.ts';
import { EMPTY, type Participant } from './rules/fold.ts';
import { type KeptPolicy, lengthOf, settlePolicy } from './rules/policies.ts';
import type { By, ContextFacts, CreateDiscussion } from './schemas.ts';
import { Stage, type StageDeps } from './stage.ts';
import * as store from './store.ts';

export type CreateDeps = StageDeps & {
  readonly agents: Pick<Agents, 'find' | 'hold' | 'release'>;
  readonly knowledge: Pick<Knowledge, 'create' | 'excerpts'>;
  readonly people: People;
};

const DEFAULT_LIMITS = { max_turns: 20, turn_timeout_seconds: 120 };

/** Checks what was asked for, keeps it, and (unless `start` is false) lets it begin; all in the caller's transaction. */
export async function createDiscussion(
  deps: CreateDeps,
  tx: Tx,
  { input, by, now }: { input: CreateDiscussion; by: By; now: Date },
): Promise<store.DiscussionRow> {
  const id = uuidv7();
  const { participants, policy, agentIds } = await gather(deps, tx, input);
  const context = await keepContext(deps, tx, input.context ?? []);
  await deps.agents.hold(tx, agentIds, `discussions/${id}`);
  const row: store.DiscussionRow = {
    id,
    topic: input.topic,
    policy,
    limits: {
      ...DEFAULT_LIMITS,
      max_turns: Math.max(DEFAULT_LIMITS.max_turns, lengthOf(policy) ?? 0),
      ...input.limits,
    },
    on_post: input.on_post ?? 'enqueue',
    on_turn_failure: input.on_turn_failure ?? 'pause',
    memory: memoryOf(input.memory ?? {}),
    participants,
    context,
    forked_from: null,
    created_by: by,
    ...unbegun(now),
  };
  await store.insertDiscussion(tx, row);
  const stage = new Stage(deps, tx, { row, now });
  if (input.start === false) stage.preview();
  else {
    announceStart(tx, row.id, by);
    await stage.next();
  }
  await stage.save();
  return row;
}

/** What changes with its log, of a discussion in which nothing has happened. */
export function unbegun(now: Date) {
  return {
    created_at: now,
    status: 'created' as const,
    status_reason: null,
    state: EMPTY,
    next_speaker: null,
    step: 0,
    turn: 1,
    attempt: 0,
    last_entry: 0,
    last_seq: 0,
    input_tokens: 0,
    output_tokens: 0,
    cost_nano_usd: 0,
    elapsed_ms: 0,
    running_since: null,
    version: 1,
    updated_at: now,
    started_at: null,
    ended_at: null,
    deadline: null,
    fence: 0,
    claimed_step: null,
  };
}

export function announceStart(tx: Tx, id: string, by: By): void {
  append(tx, discussionStarted, { stream: `discussions/${id}`, subject: id, data: { discussion_id: id, by } });
}

/** Who takes part, and by which policy. Every fault names the field that has it. */
async function gather(
  deps: CreateDeps,
  tx: Tx,
  input: CreateDiscussion,
): Promise<{ participants: Participant[]; policy: KeptPolicy; agentIds: string[] }> {
  const asked = input.policy ?? { type: 'round_robin' as const };
  const moderator = 'agent_id' in asked ? asked.agent_id : undefined;
  const own = input.participants.flatMap((p) => ('agent_id' in p ? [p.agent_id] : []));
  const agentIds = [...new Set(moderator === undefined ? own : [...own, moderator])];
  const agents = new Map((await deps.agents.find(tx, agentIds)).map((agent) => [agent.id, agent]));
  const { participants, faults } = await gatherParticipants(deps, tx, { wanted: input.participants, agents });
  if (moderator !== undefined) {
    const found = agentParticipant(agents.get(moderator), 'policy.agent_id');
    if ('rule' in found) faults.push(found);
  }
  if (faults.length > 0) throw validationFailed(faults);
  const settled = settlePolicy(asked, participants);
  if ('fault' in settled) {
    throw validationFailed([fault(`policy.${settled.fault.path}`, 'policy', settled.fault.message)]);
  }
  return { participants, policy: settled.policy, agentIds };
}

/** Texts become documents of the tenant; the discussion keeps references. */
async function keepContext(
  { knowledge }: CreateDeps,
  tx: Tx,
  asked: NonNullable<CreateDiscussion['context']>,
): Promise<ContextFacts[]> {
  const ids = asked.flatMap((item) => ('document_id' in item ? [item.document_id] : []));
  const known = new Map((await knowledge.excerpts(tx, ids, 0)).map((document) => [document.id, document]));
  const context: ContextFacts[] = [];
  for (const [index, item] of asked.entries()) {
    if ('document_id' in item) {
      const found = known.get(item.document_id);
      if (!found) {
        throw validationFailed([fault(`context.${index}.document_id`, 'exists', 'is no document of this tenant')]);
      }
      context.push({ title: found.title, document_id: found.id, bytes: found.bytes });
    } else {
      const { id, title, bytes } = await knowledge.create(tx, item);
      context.push({ title, document_id: id, bytes });
    }
  }
  return context;
}
