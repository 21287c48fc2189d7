import { type Static, Type } from 'typebox';
import type { Participant, State } from '../fold.ts';
import { type Brief, type Fault, findParticipant, type TurnPolicy } from '../policy.ts';
import { bare, folded } from './names.ts';

const type = Type.Literal('debate');
const Reference = Type.String({ minLength: 1, maxLength: 200 });
const Name = Type.String({ minLength: 1, maxLength: 64, pattern: '\\S' });
const Rounds = Type.Integer({ minimum: 1, maximum: 100 });
const DEFAULT_ROUNDS = 2;
const Asked = Type.Object(
  {
    type,
    sides: Type.Array(
      Type.Object(
        { name: Name, participants: Type.Array(Reference, { minItems: 1, maxItems: 32 }) },
        { additionalProperties: false },
      ),
      {
        minItems: 2,
        maxItems: 8,
        description:
          'Each round, one speaker of each side; within a side they take turns. By agent id, user id or name.',
      },
    ),
    rounds: Type.Optional(Rounds),
    judge: Type.String({ minLength: 1, maxLength: 200, description: 'Speaks last, on no side, and closes it.' }),
  },
  { additionalProperties: false, title: 'Debate' },
);
const Id = Type.String({ format: 'uuid' });
const Kept = Type.Object(
  {
    type,
    sides: Type.Array(Type.Object({ name: Name, participants: Type.Array(Id) })),
    rounds: Rounds,
    judge: Id,
  },
  { title: 'DebatePolicy' },
);
type Kept = Static<typeof Kept>;

/** Sides speak in rounds, one speaker each; then the judge closes it. */
export const debate: TurnPolicy<Static<typeof Asked>, Kept> = {
  type: 'debate',
  asked: Asked,
  kept: Kept,

  settle(asked, participants) {
    const sides: Kept['sides'] = [];
    const placed = new Set<string>();
    for (const [index, side] of asked.sides.entries()) {
      const path = `sides.${index}`;
      if (sides.some(({ name }) => bare(name) === bare(side.name))) return fault(`${path}.name`, 'is there already');
      if (bare(side.name) === '') return fault(`${path}.name`, 'must have a letter or a digit');
      const ids: string[] = [];
      for (const [at, reference] of side.participants.entries()) {
        const found = findParticipant(participants, reference);
        if (!found) return fault(`${path}.participants.${at}`, 'is not a participant');
        if (placed.has(found.id)) return fault(`${path}.participants.${at}`, 'is on a side already');
        placed.add(found.id);
        ids.push(found.id);
      }
      sides.push({ name: side.name, participants: ids });
    }
    const judge = findParticipant(participants, asked.judge);
    if (!judge) return fault('judge', 'is not a participant');
    if (placed.has(judge.id)) return fault('judge', 'is on a side');
    const idle = participants.find((p) => p.id !== judge.id && !placed.has(p.id));
    if (idle) return fault('sides', `leave out ${idle.name}, who is not the judge either`);
    return { policy: { type: 'debate', sides, rounds: asked.rounds ?? DEFAULT_ROUNDS, judge: judge.id } };
  },

  next(policy, _participants, state) {
    const { sides, rounds, judge } = policy;
    if (state.moves > sides.length * rounds) return { kind: 'end', reason: state.silent ? 'no_verdict' : 'verdict' };
    const due = dueSide(policy, state);
    if (!due) return { kind: 'speak', participantId: judge, reason: 'All rounds are over: the judge closes.' };
    const { side, round } = due;
    const participantId = side.participants[(round - 1) % side.participants.length] as string;
    return { kind: 'speak', participantId, reason: `Round ${round} of ${rounds}, for ${side.name}.` };
  },

  hear({ sides, judge, rounds }, { turn, participantId, text, silent }, { state }) {
    const closes = turn !== null && participantId === judge && state.moves === sides.length * rounds;
    return closes && !state.choice?.named && !silent ? { verdict: { side: verdictIn(text, sides) } } : {};
  },

  brief(policy, speaker, { state }) {
    return speaker.id === policy.judge ? judgeBrief(policy, state) : sideBrief(policy, speaker, state);
  },

  length: ({ sides, rounds }) => sides.length * rounds + 1,
};

const fault = (path: string, message: string): Fault => ({ fault: { path, message } });

/** Whose turn in which round it is, counted from 1; undefined when the judge's has come. */
function dueSide({ sides, rounds }: Kept, { moves }: State) {
  const side = sides[moves % sides.length];
  return side && moves < sides.length * rounds ? { side, round: Math.floor(moves / sides.length) + 1 } : undefined;
}

function sideBrief(policy: Kept, speaker: Participant, state: State): Brief | null {
  const own = policy.sides.find((side) => side.participants.includes(speaker.id));
  if (!own) return null;
  const round = dueSide(policy, state)?.round ?? policy.rounds;
  const others = policy.sides.filter((side) => side !== own).map((side) => `“${side.name}”`);
  const text =
    `This is a debate. You argue for the side “${own.name}” against ${others.join(', ')}, in round ${round} of ` +
    `${policy.rounds}. Make your side's case and answer the others'; do not change sides.`;
  return { text, hint: { side: own.name } };
}

function judgeBrief(policy: Kept, state: State): Brief {
  const names = policy.sides.map(({ name }) => name);
  const sides = names.map((name) => `“${name}”`).join(', ');
  if (state.choice?.named && dueSide(policy, state)) {
    return { text: `You are the judge of a debate between the sides ${sides}. It is not over: give no verdict yet.` };
  }
  const text =
    `You are the judge of a debate between the sides ${sides}. Weigh what was said, say which side made the better case ` +
    `and why, and end with a last line of exactly this form: Verdict: NAME, where NAME is one of ${sides}, without the ` +
    'quotation marks.';
  return { text, hint: { verdict: names } };
}

/** The side that the last line names as `Verdict: NAME`; null where it names none. */
function verdictIn(text: string, sides: Kept['sides']): string | null {
  const line = text.trimEnd().split('\n').at(-1) ?? '';
  if (line.length > 400) return null;
  const named = /^[\s*_#>`"'-]*verdict[\s*_`"']*[:：](.+)$/i.exec(folded(line))?.[1];
  if (named === undefined) return null;
  return sides.find(({ name }) => bare(name) === bare(named.replace(/[“”‘’]/g, '')))?.name ?? null;
}
