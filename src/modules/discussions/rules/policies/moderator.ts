import { type Static, Type } from 'typebox';
import { ModelId } from '../../../agents/index.ts';
import {
  type Answer,
  afterLast,
  byRule,
  type Disposal,
  type Refusal,
  type Standing,
  type TurnPolicy,
} from '../policy.ts';
import { readAnswer } from './names.ts';

const type = Type.Literal('moderator');
const fields = {
  agent_id: Type.Optional(Type.String({ format: 'uuid', description: 'The agent that moderates.' })),
  model: Type.Optional(ModelId),
};
const Asked = Type.Object({ type, ...fields }, { additionalProperties: false, title: 'Moderator' });
const Kept = Type.Object({ type, ...fields }, { title: 'ModeratorPolicy' });

const WHY: Readonly<Record<Refusal, string>> = {
  names_nobody: "The moderator's answer names no participant",
  names_several: "The moderator's answer names more than one participant",
  names_oneself: 'The moderator names itself',
  failed: 'The moderator could not be asked',
};

/** A model proposes who speaks, the rules dispose. Alone, a participant needs no moderator. */
export const moderator: TurnPolicy<Static<typeof Asked>, Static<typeof Kept>> = {
  type: 'moderator',
  asked: Asked,
  kept: Kept,

  settle(asked) {
    if (asked.agent_id !== undefined && asked.model !== undefined) {
      return { fault: { path: 'model', message: 'must not be given together with agent_id' } };
    }
    return { policy: asked };
  },

  next({ agent_id: agentId, model }, participants) {
    const [only] = participants;
    if (only && participants.length === 1) {
      return { kind: 'speak', participantId: only.id, reason: 'The only participant.' };
    }
    return { kind: 'ask', who: [{ ...(agentId && { agentId }), ...(model && { model }) }] };
  },

  dispose,
};

/** A moderator's answer, if it is a name; else whoever comes after the last speaker, and why. */
export function dispose(answer: Answer, { participants, state }: Standing): Disposal & { readonly kind: 'proposal' } {
  const named = readAnswer(answer, participants);
  if (typeof named !== 'string') {
    const choice = { participantId: named.id, reason: 'Chosen by the moderator.' };
    return { kind: 'proposal', choice, refused: null };
  }
  return { kind: 'proposal', choice: byRule(WHY[named], afterLast(participants, state)), refused: named };
}
