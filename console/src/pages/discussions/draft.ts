import type { Agent, Policy } from '@parley/sdk';

/** Somebody at the table; `key` tells them apart. Of a seat for a program, `id` is its name. */
export type Seat = { key: string; kind: 'agent' | 'user' | 'seat'; id: string; name: string };
export type Text = { key: string; title: string; documentId?: string; text?: string };
export type Edge = { key: string; from: string; to: string; when: string };
export type Side = { key: string; name: string; members: string[] };
export type PolicyType = Policy['type'];
export type OnPost = 'enqueue' | 'interrupt' | 'rollback' | 'reject';

/** A discussion as typed: numbers are text until they are sent, and whoever is meant is meant by a seat's key. */
export type Draft = {
  topic: string;
  seats: Seat[];
  policy: PolicyType;
  /** An agent's id; empty: the model below, or the team's default. */
  moderator: string;
  moderator_model: string;
  weights: Record<string, string>;
  fallback: string;
  edges: Edge[];
  start: string;
  sides: Side[];
  judge: string;
  rounds: string;
  texts: Text[];
  max_turns: string;
  max_tokens: string;
  max_cost_usd: string;
  max_minutes: string;
  turn_timeout_seconds: string;
  on_post: OnPost;
  on_turn_failure: 'pause' | 'skip';
  window: string;
  summary: boolean;
  summary_model: string;
  retrieval: string;
};

export const EMPTY: Draft = {
  topic: '',
  seats: [],
  policy: 'round_robin',
  moderator: '',
  moderator_model: '',
  weights: {},
  fallback: '',
  edges: [],
  start: '',
  sides: [],
  judge: '',
  rounds: '2',
  texts: [],
  max_turns: '12',
  max_tokens: '',
  max_cost_usd: '',
  max_minutes: '',
  turn_timeout_seconds: '',
  on_post: 'enqueue',
  on_turn_failure: 'pause',
  window: '',
  summary: false,
  summary_model: '',
  retrieval: '',
};

export const agentSeat = (agent: Pick<Agent, 'id' | 'name'>): Seat => ({
  key: `agent:${agent.id}`,
  kind: 'agent',
  id: agent.id,
  name: agent.name,
});

export const userSeat = (user: { id: string; name: string; email: string }): Seat => ({
  key: `user:${user.id}`,
  kind: 'user',
  id: user.id,
  name: user.name || user.email,
});

export const freeSeat = (name: string): Seat => ({ key: `seat:${name.toLowerCase()}`, kind: 'seat', id: name, name });

/** Why a name cannot be a seat's; undefined where it can. The server has the last word. */
export function seatNameProblem(name: string, seats: readonly Seat[]): string | undefined {
  if (name.trim() === '') return 'A name is needed: the others address it by that.';
  if (name.trim().length > 64) return 'At most 64 characters.';
  if (/\s\s/u.test(name.trim())) return 'No two spaces in a row.';
  if (!/[\p{L}\p{N}]/u.test(name)) return 'A letter or a digit is needed.';
  if (name.trim().startsWith('@')) return 'Not with @ at the beginning: that is how others call it.';
  if (seats.some((seat) => seat.name.toLowerCase() === name.trim().toLowerCase()))
    return 'Somebody here has that name.';
  return undefined;
}

/** Sits down at the end, or gets up. */
export function toggled(seats: readonly Seat[], seat: Seat): Seat[] {
  const rest = seats.filter(({ key }) => key !== seat.key);
  return rest.length === seats.length ? [...seats, seat] : rest;
}

/** One place nearer to the beginning, or to the end. */
export function moved<T>(list: readonly T[], index: number, by: -1 | 1): T[] {
  const next = [...list];
  const [one, other] = [next[index], next[index + by]];
  if (one === undefined || other === undefined) return next;
  next[index] = other;
  next[index + by] = one;
  return next;
}

/** A key that none of these has. */
export function freshKey(list: readonly { key: string }[], prefix: string): string {
  let number = list.length + 1;
  while (list.some(({ key }) => key === `${prefix}${number}`)) number++;
  return `${prefix}${number}`;
}

/** Others at the table: whoever got up is taken out of every rule, whoever sat down is counted in. */
export function seated(draft: Draft, seats: readonly Seat[]): Draft {
  const here = new Set(seats.map(({ key }) => key));
  const kept = (key: string): string => (here.has(key) ? key : '');
  return prepared({
    ...draft,
    seats: [...seats],
    weights: Object.fromEntries(Object.entries(draft.weights).filter(([key]) => here.has(key))),
    fallback: kept(draft.fallback),
    edges: draft.edges.filter(({ from, to }) => (from === '' || here.has(from)) && (to === '' || here.has(to))),
    start: kept(draft.start),
    sides: draft.sides.map((side) => ({ ...side, members: side.members.filter((key) => here.has(key)) })),
    judge: kept(draft.judge),
  });
}

/** What a policy needs before it can be edited: a chain for a graph, two sides and a judge for a debate. */
export function prepared(draft: Draft): Draft {
  const keys = draft.seats.map(({ key }) => key);
  if (draft.policy === 'graph' && draft.edges.length === 0 && keys.length > 1) {
    const edges = keys.slice(1).map((to, i) => ({ key: `edge-${i + 1}`, from: keys[i] as string, to, when: '' }));
    return { ...draft, edges };
  }
  if (draft.policy === 'debate' && draft.sides.length === 0 && keys.length > 0) {
    const judge = keys.length > 2 ? (keys.at(-1) as string) : '';
    const speakers = keys.filter((key) => key !== judge);
    const members = (side: number): string[] => speakers.filter((_, i) => i % 2 === side);
    const sides = [
      { key: 'side-1', name: 'For', members: members(0) },
      { key: 'side-2', name: 'Against', members: members(1) },
    ];
    return { ...draft, sides, judge };
  }
  return draft;
}

/** Who is on no side and is not the judge. */
export const unplaced = ({ seats, sides, judge }: Draft): Seat[] =>
  seats.filter(({ key }) => key !== judge && !sides.some(({ members }) => members.includes(key)));

/** To a side (its key), to the bench (`judge`), or to nowhere (''). A second judge sends the first one back. */
export function placed(draft: Draft, seat: string, where: string): Draft {
  const sides = draft.sides.map((side) => {
    const members = side.members.filter((key) => key !== seat);
    return { ...side, members: side.key === where ? [...members, seat] : members };
  });
  const judge = where === 'judge' ? seat : draft.judge === seat ? '' : draft.judge;
  return { ...draft, sides, judge };
}
