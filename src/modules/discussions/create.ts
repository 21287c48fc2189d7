import { uuidv7 } from '../../lib/ids.ts';
import type { Reader, Tx } from '../../platform/db/queries.ts';
import { append } from '../../platform/events/outbox.ts';
import { type FieldFault, validationFailed } from '../../platform/http/validation.ts';
import type { Agent, Agents } from '../agents/index.ts';
import type { Knowledge } from '../knowledge/index.ts';
import { discussionStarted } from './events.ts';
import { EMPTY, type Participant } from './rules/fold.ts';
import { type KeptPolicy, settlePolicy } from './rules/policies.ts';
import type { By, ContextFacts, CreateDiscussion } from './schemas.ts';
import { Stage, type StageDeps } from './stage.ts';
import * as store from './store.ts';

/** Who people are: the identity and access modules, as far as a discussion needs them. */
export type People = {
  /** A member of the tenant; undefined for who is none. */
  findMember(queries: Reader | Tx, userId: string): Promise<{ readonly name: string } | undefined>;
  /** What an API key is called. */
  findKeyName(queries: Reader | Tx, keyId: string): Promise<string | undefined>;
};

export type CreateDeps = StageDeps & {
  readonly agents: Pick<Agents, 'find' | 'hold' | 'release'>;
  readonly knowledge: Pick<Knowledge, 'create' | 'excerpts'>;
  readonly people: People;
};

const DEFAULT_LIMITS = { max_turns: 20, turn_timeout_seconds: 120 };
const DEFAULT_WINDOW = 40;

const fault = (field: string, rule: string, message: string): FieldFault => ({ in: 'body', field, rule, message });

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
    limits: { ...DEFAULT_LIMITS, ...input.limits },
    on_post: input.on_post ?? 'enqueue',
    on_turn_failure: input.on_turn_failure ?? 'pause',
    memory: { window: input.memory?.window ?? DEFAULT_WINDOW },
    participants,
    context,
    created_by: by,
    created_at: now,
    status: 'created',
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
  const faults: FieldFault[] = [];
  const participants: Participant[] = [];
  for (const [index, wanted] of input.participants.entries()) {
    const path = `participants.${index}`;
    const found =
      'agent_id' in wanted
        ? agentParticipant(agents.get(wanted.agent_id), `${path}.agent_id`)
        : await userParticipant(deps, tx, { userId: wanted.user_id, field: `${path}.user_id` });
    if ('rule' in found) faults.push(found);
    else if (participants.some((p) => (p.agent_id ?? p.user_id) === (found.agent_id ?? found.user_id))) {
      faults.push(fault(path, 'unique', 'takes part already'));
    } else participants.push({ ...found, name: uniqueName(found.name, participants) });
  }
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

function agentParticipant(agent: Agent | undefined, field: string): Participant | FieldFault {
  if (!agent) return fault(field, 'exists', 'is no agent of this tenant');
  if (agent.status === 'archived') return fault(field, 'active', 'is an archived agent');
  return { id: uuidv7(), kind: 'agent', agent_id: agent.id, user_id: null, name: agent.name };
}

async function userParticipant(
  { people }: CreateDeps,
  tx: Tx,
  { userId, field }: { userId: string; field: string },
): Promise<Participant | FieldFault> {
  const member = await people.findMember(tx, userId);
  if (!member) return fault(field, 'exists', 'is no member of this tenant');
  return { id: uuidv7(), kind: 'user', agent_id: null, user_id: userId, name: member.name };
}

/** Two people may have one name, or a person an agent's; within a discussion a name means one participant. */
function uniqueName(name: string, others: readonly Participant[]): string {
  const taken = new Set(others.map((p) => p.name.toLowerCase()));
  let candidate = name;
  for (let number = 2; taken.has(candidate.toLowerCase()); number++) candidate = `${name} ${number}`;
  return candidate;
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
