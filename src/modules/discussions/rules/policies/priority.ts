import { type Static, Type } from 'typebox';
import type { Participant } from '../fold.ts';
import { findParticipant, type TurnPolicy } from '../policy.ts';

const type = Type.Literal('priority');
const Weight = Type.Integer({ minimum: 1, maximum: 1_000 });
const MAX_WEIGHTS = 64;
const Asked = Type.Object(
  {
    type,
    weights: Type.Optional(
      Type.Record(Type.String(), Weight, {
        maxProperties: MAX_WEIGHTS,
        description: 'Weights by agent id, user id or name, 1 to 1,000. Who is not named has 1.',
      }),
    ),
  },
  { additionalProperties: false, title: 'Priority' },
);
const Kept = Type.Object(
  { type, weights: Type.Array(Type.Object({ participant_id: Type.String({ format: 'uuid' }), weight: Weight })) },
  { title: 'PriorityPolicy' },
);

/**
 * Turns in proportion to weights, by Sainte-Laguë's method: whoever has the largest `weight / (2 × turns taken + 1)`.
 * After any number of turns nobody is a whole turn away from what is due between two, and nobody waits for ever.
 */
export const priority: TurnPolicy<Static<typeof Asked>, Static<typeof Kept>> = {
  type: 'priority',
  asked: Asked,
  kept: Kept,

  settle({ weights = {} }, participants) {
    const given = new Map<string, number>();
    for (const [reference, weight] of Object.entries(weights)) {
      const participant = findParticipant(participants, reference);
      const path = `weights.${reference.slice(0, 200)}`;
      if (!participant) return { fault: { path, message: 'is not a participant' } };
      if (given.has(participant.id)) return { fault: { path, message: `is ${participant.name} once more` } };
      given.set(participant.id, weight);
    }
    const kept = participants.map(({ id }) => ({ participant_id: id, weight: given.get(id) ?? 1 }));
    return { policy: { type: 'priority', weights: kept } };
  },

  next({ weights }, participants, { taken }) {
    const claims = weights.map(({ participant_id: id, weight }) => ({ id, weight, taken: taken[id] ?? 0 }));
    // In whole numbers: a / b > c / d as a × d > c × b, so that a tie is one.
    const due = claims.reduce((best, one) => {
      const difference = one.weight * (2 * best.taken + 1) - best.weight * (2 * one.taken + 1);
      return difference > 0 || (difference === 0 && one.weight > best.weight) ? one : best;
    });
    const name = (participants.find((p) => p.id === due.id) as Participant).name;
    const all = claims.reduce((sum, claim) => sum + claim.weight, 0);
    const reason = `${name} has ${due.weight} of ${all} shares, and has had ${due.taken} of ${sum(taken)} turns.`;
    return { kind: 'speak', participantId: due.id, reason };
  },
};

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((all, count) => all + count, 0);
