import { type Static, Type } from 'typebox';
import type { Participant } from '../fold.ts';
import { afterLast, findParticipant, type TurnPolicy } from '../policy.ts';
import { calledIn } from './names.ts';

const type = Type.Literal('mention');
const Asked = Type.Object(
  {
    type,
    fallback: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description:
          'Who speaks when nobody is called, by agent id, user id or name. Default: whoever is next in order.',
      }),
    ),
  },
  { additionalProperties: false, title: 'Mention' },
);
const Kept = Type.Object(
  {
    type,
    fallback: Type.Union([Type.String({ format: 'uuid', description: "A participant's id." }), Type.Null()]),
  },
  { title: 'MentionPolicy' },
);

/** Whoever the last message calls by `@name`. */
export const mention: TurnPolicy<Static<typeof Asked>, Static<typeof Kept>> = {
  type: 'mention',
  asked: Asked,
  kept: Kept,

  settle({ fallback }, participants) {
    if (fallback === undefined) return { policy: { type: 'mention', fallback: null } };
    const participant = findParticipant(participants, fallback);
    if (!participant) return { fault: { path: 'fallback', message: 'is not a participant' } };
    return { policy: { type: 'mention', fallback: participant.id } };
  },

  next({ fallback }, participants, state) {
    const { call, last } = state;
    const called = call?.to[0];
    if (called) {
      const by = participants.find((p) => p.id === called.by)?.name;
      return { kind: 'speak', participantId: called.id, reason: by ? `Called by ${by}.` : 'Called from outside.' };
    }
    const nobody = last === null ? 'Nobody has been called yet' : 'Nobody was called';
    if (fallback !== null && fallback !== last) {
      return { kind: 'speak', participantId: fallback, reason: `${nobody}; the fallback is next.` };
    }
    const rule = afterLast(participants, state);
    const order = rule.reason.charAt(0).toLowerCase() + rule.reason.slice(1);
    return { kind: 'speak', participantId: rule.participantId, reason: `${nobody}; ${order}` };
  },

  hear(_policy, { participantId, text }, { participants }) {
    const calls = calledIn(text, participants, participantId);
    return calls.length > 0 ? { calls } : {};
  },

  brief(_policy, speaker, { participants }) {
    const others = participants.filter((p: Participant) => p.id !== speaker.id).map((p) => p.name);
    if (others.length === 0) return null;
    const text =
      'Whoever you call speaks next: write @ and the name, as it stands here, of the one whose turn it should be. ' +
      `You may call ${others.map((name) => `@${name}`).join(', ')}. Of several, the first one counts.`;
    return { text, hint: { calls: others } };
  },
};
