import type { DiscussionInput } from '@parley/sdk';
import { plural } from '../../lib/format.ts';
import { reachable } from '../../lib/graph/layers.ts';
import type { Draft, Seat } from './draft.ts';

type AskedPolicy = NonNullable<DiscussionInput['policy']>;
/** Problems by place: `topic`, `edges.2.to`, `sides.0.name`. */
export type Problems = Record<string, string>;

const whole = (typed: string, low: number, high: number): boolean =>
  /^\s*\d+\s*$/.test(typed) && Number(typed) >= low && Number(typed) <= high;

/** What the server would refuse of the rule for who speaks next, said while it is being made. */
export function policyProblems(draft: Draft): Problems {
  switch (draft.policy) {
    case 'priority':
      return weightProblems(draft);
    case 'graph':
      return graphProblems(draft);
    case 'debate':
      return debateProblems(draft);
    case 'vote':
      return draft.seats.length > 1 && !draft.seats.some(({ kind }) => kind === 'agent')
        ? { policy: 'Only agents vote, and none sits here: they would simply take turns.' }
        : {};
    default:
      return {};
  }
}

function weightProblems({ weights }: Draft): Problems {
  const wrong = Object.entries(weights).filter(([, typed]) => typed.trim() !== '' && !whole(typed, 1, 1000));
  return Object.fromEntries(wrong.map(([key]) => [`weights.${key}`, 'A whole number from 1 to 1,000.']));
}

function graphProblems({ seats, edges, start }: Draft): Problems {
  const found: Problems = {};
  const seen = new Set<string>();
  for (const [i, { from, to, when }] of edges.entries()) {
    if (from === '') found[`edges.${i}.from`] = 'From whom?';
    if (to === '') found[`edges.${i}.to`] = 'To whom?';
    if (when.length > 200) found[`edges.${i}.when`] = 'At most 200 characters.';
    const same = JSON.stringify([from, to, when.trim().toLowerCase()]);
    if (from !== '' && to !== '' && seen.has(same)) found[`edges.${i}`] = 'This edge is there already.';
    seen.add(same);
  }
  if (edges.length === 0) found.edges = 'A graph needs an edge: who may speak after whom.';
  else if (edges.length > 256) found.edges = 'At most 256 edges.';
  else {
    const reached = reachable(start || seats[0]?.key, edges);
    const lost = seats.filter(({ key }) => !reached.has(key)).map(({ name }) => name);
    if (lost.length > 0) found.edges = `No way leads to ${lost.join(', ')}.`;
  }
  return found;
}

function debateProblems({ seats, sides, judge, rounds }: Draft): Problems {
  const found: Problems = {};
  if (sides.length < 2) found.sides = 'A debate has at least two sides.';
  if (sides.length > 8) found.sides = 'At most eight sides.';
  for (const [i, { name, members }] of sides.entries()) {
    const bare = name.trim().toLowerCase();
    if (bare === '') found[`sides.${i}.name`] = 'A side needs a name.';
    else if (!/[\p{L}\p{N}]/u.test(bare)) found[`sides.${i}.name`] = 'A letter or a digit is needed.';
    else if (sides.findIndex((side) => side.name.trim().toLowerCase() === bare) < i)
      found[`sides.${i}.name`] = 'Another side has this name.';
    if (members.length === 0) found[`sides.${i}`] = 'Nobody speaks for this side.';
  }
  if (judge === '') found.judge = 'Somebody has to judge.';
  const idle = seats.filter(({ key }) => key !== judge && !sides.some(({ members }) => members.includes(key)));
  if (idle.length > 0 && !found.sides) found.sides = `${idle.map(({ name }) => name).join(', ')}: on which side?`;
  if (rounds.trim() !== '' && !whole(rounds, 1, 100)) found.rounds = 'A whole number from 1 to 100.';
  return found;
}

/** What stands for a participant in what is sent. */
const reference = (seats: readonly Seat[], key: string): string => seats.find((seat) => seat.key === key)?.id ?? key;

/** The rule as the server takes it. */
export function policyOf(draft: Draft): AskedPolicy {
  const { seats } = draft;
  const ref = (key: string): string => reference(seats, key);
  switch (draft.policy) {
    case 'moderator':
      if (draft.moderator !== '') return { type: 'moderator', agent_id: draft.moderator };
      if (draft.moderator_model.trim() !== '') return { type: 'moderator', model: draft.moderator_model.trim() };
      return { type: 'moderator' };
    case 'priority': {
      const given = Object.entries(draft.weights).filter(([, typed]) => typed.trim() !== '');
      return { type: 'priority', weights: Object.fromEntries(given.map(([key, typed]) => [ref(key), Number(typed)])) };
    }
    case 'mention':
      return draft.fallback === '' ? { type: 'mention' } : { type: 'mention', fallback: ref(draft.fallback) };
    case 'graph': {
      const edges = draft.edges.map(({ from, to, when }) => ({
        ...{ from: ref(from), to: ref(to) },
        ...(when.trim() !== '' && { when: when.trim() }),
      }));
      return { type: 'graph', edges, ...(draft.start !== '' && { start: ref(draft.start) }) };
    }
    case 'debate': {
      const sides = draft.sides.map(({ name, members }) => ({ name: name.trim(), participants: members.map(ref) }));
      const rounds = draft.rounds.trim() === '' ? {} : { rounds: Number(draft.rounds) };
      return { type: 'debate', sides, judge: ref(draft.judge), ...rounds };
    }
    default:
      return { type: draft.policy };
  }
}

/** How many turns a debate is; undefined for what has no end of its own. */
export function ownLength(draft: Draft): number | undefined {
  if (draft.policy !== 'debate') return undefined;
  const rounds = draft.rounds.trim() === '' ? 2 : Number(draft.rounds);
  return Number.isInteger(rounds) ? rounds * draft.sides.length + 1 : undefined;
}

/** What each seat's weight is of all: parts of 1, in the order of the seats. */
export function shares({ seats, weights }: Draft): number[] {
  const values = seats.map(({ key }) => {
    const typed = weights[key] ?? '';
    return typed.trim() === '' ? 1 : whole(typed, 1, 1000) ? Number(typed) : 0;
  });
  const all = values.reduce((sum, value) => sum + value, 0);
  return values.map((value) => (all === 0 ? 0 : value / all));
}

/** The rule in a few words, to go on after "X and Y will speak". */
export function policyWords(draft: Draft): string {
  switch (draft.policy) {
    case 'priority':
      return 'by weight';
    case 'mention':
      return 'when they are called by @name';
    case 'moderator':
      return 'as a moderator proposes';
    case 'vote':
      return 'as they vote';
    case 'graph':
      return `along ${plural(draft.edges.length, 'edge')}`;
    case 'debate':
      return `for ${plural(draft.sides.length, 'side')} in ${plural(Number(draft.rounds) || 2, 'round')}`;
    case 'manual':
      return 'when you name them';
    default:
      return 'in turn';
  }
}
