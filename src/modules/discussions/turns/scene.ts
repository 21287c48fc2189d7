import type { Ctx } from '../../../platform/context.ts';
import type { Db } from '../../../platform/db/queries.ts';
import { type Agent, DOCUMENT_BUDGET, fitDocuments, modelParameters } from '../../agents/index.ts';
import type { Knowledge } from '../../knowledge/index.ts';
import type { GenerateRequest } from '../../models/index.ts';
import { lastSaid } from '../log/store.ts';
import type { Participant } from '../rules/fold.ts';
import { tokenBudget } from '../rules/limits.ts';
import { moderatorPrompt, type Scene, turnPrompt } from '../rules/prompt.ts';
import type { DiscussionRow } from '../store.ts';

/** What is read for a turn: the last messages, and the documents within their budget. */
export type FullScene = Omit<Scene, 'documents'> & { documents: Awaited<ReturnType<Knowledge['excerpts']>> };

export async function setScene(
  deps: { db: Db; knowledge: Pick<Knowledge, 'excerpts'> },
  ctx: Ctx,
  row: DiscussionRow,
): Promise<FullScene> {
  const reader = deps.db.reader(ctx);
  const ids = row.context.map(({ document_id }) => document_id);
  const [said, documents] = await Promise.all([
    lastSaid(reader, row.id, row.memory.window),
    deps.knowledge.excerpts(reader, ids, DOCUMENT_BUDGET),
  ]);
  return { topic: row.topic, participants: row.participants, said, documents: fitDocuments(documents) };
}

/** What a speaker is asked. */
export function turnRequest(about: {
  row: DiscussionRow;
  speaker: Participant;
  agent: Agent;
  scene: FullScene;
  timeoutMs: number;
}): GenerateRequest {
  const { row, speaker, agent, scene, timeoutMs } = about;
  const said = scene.said.slice(-agent.memory.window);
  const parameters = modelParameters(agent.parameters);
  const maxTokens = tokenBudget(row.limits, row.input_tokens + row.output_tokens, parameters.maxTokens);
  return {
    model: agent.model ?? undefined,
    messages: turnPrompt({ ...scene, said }, speaker, agent.instructions),
    parameters: { ...parameters, ...(maxTokens !== undefined && { maxTokens }) },
    documents: scene.documents.map(({ id, title, text }) => ({ id, title, text })),
    purpose: { kind: 'turn', agentId: agent.id, discussionId: row.id, turn: row.turn },
    timeoutMs,
  };
}

/** What a moderator is asked. */
export function moderatorRequest(about: {
  row: DiscussionRow;
  model: string | undefined;
  agent: Agent | undefined;
  scene: Scene;
}): GenerateRequest {
  const { row, model, agent, scene } = about;
  return {
    model,
    messages: moderatorPrompt(scene, agent?.instructions ?? ''),
    parameters: agent ? modelParameters(agent.parameters) : {},
    purpose: { kind: 'moderator', discussionId: row.id, turn: row.turn, ...(agent && { agentId: agent.id }) },
  };
}
