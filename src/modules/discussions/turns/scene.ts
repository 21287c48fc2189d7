import type { Ctx } from '../../../platform/context.ts';
import type { Db } from '../../../platform/db/queries.ts';
import { type Agent, DOCUMENT_BUDGET, fitDocuments, modelParameters } from '../../agents/index.ts';
import type { Knowledge } from '../../knowledge/index.ts';
import type { ChatMessage, GenerateRequest, Hint } from '../../models/index.ts';
import { type Asking, contextOf, type Kept, keep, messagesOf, type Prompt } from '../memory/given.ts';
import type { TurnContext } from '../memory/schemas.ts';
import { saidBetween } from '../memory/store.ts';
import { memoryFor, memoryOf } from '../memory/window.ts';
import type { Participant } from '../rules/fold.ts';
import { tokenBudget } from '../rules/limits.ts';
import { briefOf } from '../rules/policies.ts';
import type { Asked } from '../rules/policy.ts';
import { choicePrompt, type Said, type Scene, turnPrompt } from '../rules/prompt.ts';
import type { DiscussionRow } from '../store.ts';
import { estimateTokens } from './cut.ts';

export type SceneDeps = { readonly db: Db; readonly knowledge: Pick<Knowledge, 'excerpts'> };
type Documents = Awaited<ReturnType<Knowledge['excerpts']>>;

/** What is read for a turn: the last messages, and the documents within their budget. */
export type FullScene = Omit<Scene, 'documents'> & { documents: Documents };

export async function setScene(
  deps: SceneDeps,
  ctx: Ctx,
  row: DiscussionRow,
  window: number = memoryOf(row.memory).window,
): Promise<FullScene> {
  const reader = deps.db.reader(ctx);
  const ids = row.context.map(({ document_id }) => document_id);
  const [said, documents] = await Promise.all([
    saidBetween(reader, row.id, { from: row.last_seq - window + 1, to: row.last_seq }),
    deps.knowledge.excerpts(reader, ids, DOCUMENT_BUDGET),
  ]);
  return { topic: row.topic, participants: row.participants, said, documents: fitDocuments(documents) };
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
  readonly documents: Documents;
  readonly tokens: number;
  /** The account as the wire shows it. */
  readonly context: TurnContext;
  /** What the policy tells a rehearsing speaker. */
  readonly hint: Hint | undefined;
};

export async function prepareTurn(deps: SceneDeps, ctx: Ctx, about: About): Promise<Prepared> {
  const { row, speaker, agent } = about;
  const window = memoryFor(row.memory, agent).window;
  const scene = await setScene(deps, ctx, row, window);
  const { text: brief = null, hint } = briefOf(row.policy, speaker, row) ?? {};
  const prompt: Prompt = {
    pieces: turnPrompt(scene, { speaker, instructions: agent?.instructions ?? '', brief }),
    brief,
    memory: { window: windowOf(scene.said), summary: null, retrieved: [] },
    documents: scene.documents.map(({ id, title, bytes }) => ({ document_id: id, title, bytes })),
  };
  const messages = messagesOf(prompt.pieces, speaker.id);
  const tokens = estimateTokens(messages.map(({ content }) => content).join('\n'));
  const kept = keep(prompt, askingOf(about), tokens);
  const context = contextOf(row.turn, { ...kept, said: scene.said });
  return { messages, kept, documents: scene.documents, tokens, context, hint };
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
    documents: prepared.documents.map(({ id, title, text }) => ({ id, title, text })),
    purpose: { kind: 'turn', agentId: agent.id, discussionId: row.id, turn: row.turn, ...(hint && { hint }) },
    timeoutMs,
  };
}

/** What a moderator or a voter is asked. */
export function choiceRequest(about: {
  row: DiscussionRow;
  asked: Asked;
  agent: Agent | undefined;
  scene: Scene;
}): GenerateRequest {
  const { row, asked, agent, scene } = about;
  const voter = row.participants.find((p) => p.id === asked.voter);
  const choices = row.participants.filter((p) => p !== voter).map(({ name }) => name);
  const purpose = { kind: 'moderator' as const, discussionId: row.id, turn: row.turn, hint: { choices } };
  return {
    model: agent?.model ?? asked.model,
    fallbacks: agent?.fallback_models ?? [],
    messages: choicePrompt(scene, { instructions: agent?.instructions ?? '', voter, choices }),
    parameters: agent ? modelParameters(agent.parameters) : {},
    purpose: { ...purpose, ...(agent && { agentId: agent.id }) },
  };
}
