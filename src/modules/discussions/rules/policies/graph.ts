import { type Static, Type } from 'typebox';
import type { Participant, State } from '../fold.ts';
import { findParticipant, type TurnPolicy, type Verdict } from '../policy.ts';
import { calledIn, folded } from './names.ts';

const type = Type.Literal('graph');
const MAX_EDGES = 256;
const Reference = Type.String({ minLength: 1, maxLength: 200 });
const When = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: '\\S',
  description: 'The edge holds only when this occurs in the last message, in whatever case.',
});
const Asked = Type.Object(
  {
    type,
    edges: Type.Array(
      Type.Object({ from: Reference, to: Reference, when: Type.Optional(When) }, { additionalProperties: false }),
      {
        minItems: 1,
        maxItems: MAX_EDGES,
        description: 'Who may speak after whom, by agent id, user id or name.',
      },
    ),
    start: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'Default: the first participant.' })),
  },
  { additionalProperties: false, title: 'Graph' },
);
const Id = Type.String({ format: 'uuid' });
const Kept = Type.Object(
  {
    type,
    start: Id,
    edges: Type.Array(Type.Object({ from: Id, to: Id, when: Type.Union([When, Type.Null()]) })),
  },
  { title: 'GraphPolicy' },
);
type Edge = Static<typeof Kept>['edges'][number];

/**
 * From the last speaker along the edges: to whom the last message calls by `@name`, else along the first edge whose
 * words occur in it, else along the unconditional one that was travelled least. Where no edge holds, it is over.
 */
export const graph: TurnPolicy<Static<typeof Asked>, Static<typeof Kept>> = {
  type: 'graph',
  asked: Asked,
  kept: Kept,

  settle(asked, participants) {
    const edges: Edge[] = [];
    const seen = new Set<string>();
    for (const [index, { from, to, when = null }] of asked.edges.entries()) {
      const a = findParticipant(participants, from);
      const b = findParticipant(participants, to);
      if (!a || !b) {
        return { fault: { path: `edges.${index}.${a ? 'to' : 'from'}`, message: 'is not a participant' } };
      }
      const key = JSON.stringify([a.id, b.id, when === null ? null : folded(when)]);
      if (seen.has(key)) return { fault: { path: `edges.${index}`, message: 'is there already' } };
      seen.add(key);
      edges.push({ from: a.id, to: b.id, when });
    }
    const start = asked.start === undefined ? participants[0] : findParticipant(participants, asked.start);
    if (!start) return { fault: { path: 'start', message: 'is not a participant' } };
    const lost = unreached(start.id, edges, participants);
    if (lost) return { fault: { path: 'edges', message: `lead nowhere to ${lost.name}` } };
    return { policy: { type: 'graph', start: start.id, edges } };
  },

  next({ start, edges }, participants, state) {
    if (state.last === null) return { kind: 'speak', participantId: start, reason: 'Where the graph starts.' };
    const from = participants.find((p) => p.id === state.last)?.name ?? '';
    const speak = (edge: Edge, why: string): Verdict => ({
      kind: 'speak',
      participantId: edge.to,
      reason: `Along the edge from ${from}: ${why}.`,
    });
    const out = edges.map((edge, index) => ({ edge, index })).filter(({ edge }) => edge.from === state.last);
    const { call } = state;
    for (const { id, by } of call?.to ?? []) {
      const found = out.find(({ edge }) => edge.to === id);
      const caller = participants.find((p) => p.id === by)?.name;
      if (found) return speak(found.edge, caller ? `called by ${caller}` : 'called from outside');
    }
    const cued = out.find(({ index }) => call?.cues.includes(index));
    if (cued) return speak(cued.edge, `“${cued.edge.when}” was said`);
    const free = out.map(({ edge }) => edge).filter(({ when }) => when === null);
    const least = Math.min(...free.map((edge) => travels(edge, state)));
    const next = free.find((edge) => travels(edge, state) === least);
    if (!next) return { kind: 'end', reason: 'end_of_graph' };
    return speak(next, free.length === 1 ? 'the only one that needs no words' : 'the least travelled');
  },

  hear({ edges }, { turn, participantId, text }, { participants, state }) {
    const calls = calledIn(text, participants, participantId);
    const words = folded(text);
    const cues = edges.flatMap(({ from, when }, index) =>
      when !== null && (turn === null || from === participantId) && words.includes(folded(when)) ? [index] : [],
    );
    const along = turn !== null && edges.some(({ from, to }) => from === state.last && to === participantId);
    return {
      ...(calls.length > 0 && { calls }),
      ...(cues.length > 0 && { cues }),
      ...(along && !state.choice?.named && { edge: true as const }),
    };
  },

  brief({ edges }, speaker, { participants }) {
    const out = edges.filter(({ from }) => from === speaker.id);
    const names = [...new Set(out.map(({ to }) => to))].flatMap(
      (id) => participants.find((p) => p.id === id)?.name ?? [],
    );
    const others = names.filter((name) => name !== speaker.name);
    const closing = names.length === 0 ? 'Nobody speaks after you: close the discussion.' : '';
    if (others.length === 0) return closing === '' ? null : { text: closing };
    const words = out.flatMap(({ to, when }) => {
      const name = participants.find((p) => p.id === to)?.name;
      return when === null || name === undefined ? [] : [`saying “${when}” leads to ${name}`];
    });
    const text =
      `You may hand over to ${others.map((name) => `@${name}`).join(', ')}: write @ and the name, as it stands here, of ` +
      `the one who should go on. Of several, the first one counts.${words.length > 0 ? ` Also, ${words.join('; ')}.` : ''}`;
    return { text, hint: { calls: others } };
  },
};

const travels = ({ from, to }: Edge, { travelled }: State): number => travelled[`${from}>${to}`] ?? 0;

/** The first participant to whom no way leads from the start. */
function unreached(
  start: string,
  edges: readonly Edge[],
  participants: readonly Participant[],
): Participant | undefined {
  const reached = new Set([start]);
  // A set that grows while it is walked through: each one found is looked at in turn.
  for (const id of reached) for (const { from, to } of edges) if (from === id) reached.add(to);
  return participants.find((p) => !reached.has(p.id));
}
