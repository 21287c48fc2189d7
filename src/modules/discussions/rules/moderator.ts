import { type Static, Type } from 'typebox';
import { ModelId } from '../../agents/index.ts';
import type { Participant, State } from './fold.ts';
import { type Answer, afterLast, type Disposal, type TurnPolicy } from './policy.ts';

const type = Type.Literal('moderator');
const fields = {
  agent_id: Type.Optional(Type.String({ format: 'uuid', description: 'The agent that moderates.' })),
  model: Type.Optional(ModelId),
};
const Asked = Type.Object({ type, ...fields }, { additionalProperties: false, title: 'Moderator' });
const Kept = Type.Object({ type, ...fields }, { title: 'ModeratorPolicy' });

/** Why a proposal did not count. */
export type Refusal = 'names_nobody' | 'names_several' | 'failed';

const WHY: Readonly<Record<Refusal, string>> = {
  names_nobody: "The moderator's answer names no participant",
  names_several: "The moderator's answer names more than one participant",
  failed: 'The moderator could not be asked',
};

/** A model proposes who speaks, the rules dispose. Alone, a participant needs no moderator. */
export const moderator: TurnPolicy<Static<typeof Asked>, Static<typeof Kept>> = {
  type: 'moderator',
  asked: Asked,
  kept: Kept,

  settle(asked) {
    if (asked.agent_id !== undefined && asked.model !== undefined) {
      return { fault: { path: 'model', message: 'give an agent_id or a model, not both' } };
    }
    return { policy: asked };
  },

  next({ agent_id: agentId, model }, participants, state) {
    if (state.choice) return { kind: 'speak', ...state.choice };
    const [only] = participants;
    if (only && participants.length === 1) {
      return { kind: 'speak', participantId: only.id, reason: 'The only participant.' };
    }
    return { kind: 'ask', who: { ...(agentId && { agentId }), ...(model && { model }) } };
  },

  dispose,
};

/**
 * What counts of a moderator's answer: exactly one participant's name and nothing else, plain or as
 * `{"next": "name"}`. Anything else (a name that does not exist, prose, instructions) is refused, and the choice is
 * made by rule: whoever comes after the last speaker.
 */
export function dispose(answer: Answer, participants: readonly Participant[], state: State): Disposal {
  const named = 'failed' in answer ? 'failed' : readName(answer.text, participants);
  if (typeof named !== 'string') {
    return { choice: { participantId: named.id, reason: 'Chosen by the moderator.' }, refused: null };
  }
  const rule = afterLast(participants, state);
  const reason = `${WHY[named]}. By rule: ${rule.reason.charAt(0).toLowerCase()}${rule.reason.slice(1)}`;
  return { choice: { participantId: rule.participantId, reason }, refused: named };
}

function readName(text: string, participants: readonly Participant[]): Participant | Refusal {
  const trimmed = text.trim();
  if (trimmed.length > 400) return 'names_nobody';
  const wanted = bare(fromJson(trimmed) ?? trimmed);
  const exact = participants.find((p) => bare(p.name) === wanted);
  if (exact) return exact;
  const parts = wanted.split(/\s*(?:,|;|\n|\band\b|\bor\b|&)\s*/).map(bare);
  const several = parts.length > 1 && parts.every((part) => participants.some((p) => bare(p.name) === part));
  return several ? 'names_several' : 'names_nobody';
}

/** Without the quotes, marks and full stops that models like to put around a name. */
function bare(name: string): string {
  return name
    .trim()
    .replace(/^[\s"'`*_@<([{]+|[\s"'`*_.,:;!>)\]}]+$/g, '')
    .toLowerCase();
}

function fromJson(text: string): string | undefined {
  const body = /^```(?:json)?\s*(\{[^{}]*\})\s*```$/.exec(text)?.[1] ?? text;
  if (!body.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(body);
    const next = typeof value === 'object' && value !== null && 'next' in value ? value.next : undefined;
    return typeof next === 'string' ? next : undefined;
  } catch {
    return undefined;
  }
}
