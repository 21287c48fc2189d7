import type { Ctx } from '../../../platform/context.ts';
import type { Db } from '../../../platform/db/queries.ts';
import { type Agent, modelParameters } from '../../agents/index.ts';
import type { ChatMessage, GenerateRequest, Hint } from '../../models/index.ts';
import { type Asking, contextOf, type Kept, keep, messagesOf, type Prompt } from '../memory/given.ts';
import { type Recall, type RecallDeps, recall } from '../memory/recall.ts';
import type { TurnContext } from '../memory/schemas.ts';
import { saidBetween } from '../memory/store.ts';
import { memoryFor, memoryOf } from '../memory/window.ts';
import type { Participant } from '../rules/fold.ts';
import { tokenBudget } from '../rules/limits.ts';
import { briefOf } from '../rules/policies.ts';
import type { Asked } from '../rules/policy.ts';
import { CHOICE_MESSAGE_CHARS, choicePrompt, type Said, type Scene, turnPrompt } from '../rules/prompt.ts';
import type { DiscussionRow } from '../store.ts';
import { estimateTokens } from './cut.ts';

/** What who chooses a speaker is shown: the last messages. */
export async function setScene({ db }: { readonly db: Db }, ctx: Ctx, row: DiscussionRow): Promise<Scene> {
  const { window } = memoryOf(row.memory);
  const said = await saidBetween(db.reader(ctx), row.id, {
    ...{ from: row.last_seq - window + 1, to: row.last_seq },
    chars: CHOICE_MESSAGE_CHARS,
  });
  return { topic: row.topic, participants: row.participants, documents: [], said };
}

/** Whose turn it is, and at which attempt. Without an agent it is somebody who has no instructions from here. */
export type About = {
  readonly row: DiscussionRow;
  readonly speaker: Participant;
  readonly attempt: number;
  readonly agent?: Agent | undefined;
};

/** Everything that a speaker is given for a turn, and the account of it. */
export type Prepared = {
  readonly messages: readonly ChatMessage[];
  /** To be kept with the turn: `stage.given`, or `saveGiven`. */
  readonly kept: Kept;
  readonly grounding: Recall['grounding'];
  readonly tokens: number;
  /** The account as the wire shows it. */
  readonly context: TurnContext;
  /** What the policy tells a rehearsing speaker. */
  readonly hint: Hint | undefined;
  /** Whether it is time for the discussion's memory to be kept up: see `askForUpkeep`. */
  readonly upkeep: boolean;
};

export async function prepareTurn(deps: RecallDeps, ctx: Ctx, about: About): Promise<Prepared> {
  const { row, speaker, agent } = about;
  const recalled = await recall(deps, ctx, { row, memory: memoryFor(row.memory, agent) });
  const { said, summary, retrieved, documents, grounding, upkeep } = recalled;
  const { text: brief = null, hint } = briefOf(row.policy, speaker, row) ?? {};
  const scene = { topic: row.topic, participants: row.participants, documents: recalled.excerpts, said };
  const own = { speaker, instructions: agent?.instructions ?? '', brief, summary, retrieved, clip: recalled.clip };
  const prompt: Prompt = {
    pieces: turnPrompt(scene, own),
    brief,
    memory: { window: windowOf(said), summary, retrieved: [...retrieved] },
    documents,
  };
  const messages = messagesOf(prompt.pieces, speaker.id);
  const tokens = estimateTokens(messages.map(({ content }) => content).join('\n'));
  const kept = keep(prompt, askingOf(about), tokens);
  const context = contextOf(row.turn, { ...kept, said });
  return { messages, kept, grounding, tokens, context, hint, upkeep };
}

function windowOf(said: readonly Said[]): Prompt['memory']['window'] {
  const [first, last] = [said[0], said.at(-1)];
  return first && last ? { from_seq: first.seq, to_seq: last.seq } : null;
}

function askingOf({ row, speaker, agent, attempt }: About): Asking {
  const own = agent?.parameters ?? {};
  const maxTokens = tokenBudget(row.limits, row.input_tokens + row.output_tokens, own.max_tokens);
  const parameters = { ...own, ...(agent && maxTokens !== undefined && { max_tokens: maxTokens }) };
  return { attempt, participant_id: speaker.id, model: agent?.model ?? null, parameters };
}

/** UTF-16 units of what is said in one turn; a longer speech ends there. */
const MAX_SPEECH_CHARS = 262_144;

/** What a speaker's model is asked. */
export function turnRequest(about: {
  row: DiscussionRow;
  agent: Agent;
  prepared: Prepared;
  timeoutMs: number;
}): GenerateRequest {
  const { row, agent, prepared, timeoutMs } = about;
  const { hint } = prepared;
  return {
    model: agent.model ?? undefined,
    fallbacks: agent.fallback_models,
    messages: prepared.messages,
    parameters: modelParameters(prepared.kept.given.parameters),
    documents: prepared.grounding.map(({ id, title, text }) => ({ id, title, text })),
    purpose: { kind: 'turn', agentId: agent.id, discussionId: row.id, turn: row.turn, ...(hint && { hint }) },
    timeoutMs,
    maxChars: MAX_SPEECH_CHARS,
  };
}

/** A name is short; the tokens are room for a model that thinks first. */
const MAX_CHOICE_TOKENS = 4_000;
const MAX_CHOICE_CHARS = 4_000;

/** What a moderator or a voter is asked, one of `askedInAll`: they share the tokens that are left. */
export function choiceRequest(about: {
  row: DiscussionRow;
  asked: Asked;
  askedInAll: number;
  agent: Agent | undefined;
  scene: Scene;
}): GenerateRequest {
  const { row, asked, askedInAll, agent, scene } = about;
  const own = agent ? modelParameters(agent.parameters) : {};
  const left = tokenBudget(row.limits, row.input_tokens + row.output_tokens, undefined) ?? Infinity;
  const maxTokens = Math.min(own.maxTokens ?? Infinity, MAX_CHOICE_TOKENS, Math.max(1, Math.floor(left / askedInAll)));
  const voter = row.participants.find((p) => p.id === asked.voter);
  const choices = row.participants.filter((p) => p !== voter).map(({ name }) => name);
  const purpose = {
    kind: 'moderator' as const,
    discussionId: row.id,
    turn: row.turn,
    hint: { choices, vote: voter !== undefined },
  };
  return {
    model: agent?.model ?? asked.model,
    fallbacks: agent?.fallback_models ?? [],
    messages: choicePrompt(scene, { instructions: agent?.instructions ?? '', voter, choices }),
    parameters: { ...own, maxTokens },
    maxChars: MAX_CHOICE_CHARS,
    purpose: { ...purpose, ...(agent && { agentId: agent.id }) },
  };
}
