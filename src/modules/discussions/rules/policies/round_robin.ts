import { type Static, Type } from 'typebox';
import type { Participant } from '../fold.ts';
import { findParticipant, type TurnPolicy } from '../policy.ts';

const type = Type.Literal('round_robin');
const Asked = Type.Object(
  {
    type,
    order: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 200 }), {
        minItems: 1,
        maxItems: 64,
        description:
          "Who speaks after whom, by agent id, user id or name; one may come several times. Default: the participants' order.",
      }),
    ),
  },
  { additionalProperties: false, title: 'RoundRobin' },
);
const Kept = Type.Object(
  { type, order: Type.Array(Type.String({ format: 'uuid' }), { description: "Participants' ids." }) },
  { title: 'RoundRobinPolicy' },
);

/** One after the other, over and over. */
export const roundRobin: TurnPolicy<Static<typeof Asked>, Static<typeof Kept>> = {
  type: 'round_robin',
  asked: Asked,
  kept: Kept,

  settle({ order }, participants) {
    const ids: string[] = [];
    for (const [index, reference] of (order ?? participants.map((p) => p.id)).entries()) {
      const participant = findParticipant(participants, reference);
      if (!participant) return { fault: { path: `order.${index}`, message: 'is not a participant' } };
      ids.push(participant.id);
    }
    return { policy: { type: 'round_robin', order: ids } };
  },

  next({ order }, participants, state) {
    const participantId = order[state.moves % order.length] as string;
    const last = participants.find((p: Participant) => p.id === state.last);
    return { kind: 'speak', participantId, reason: last ? `Next in order after ${last.name}.` : 'First in order.' };
  },
};
