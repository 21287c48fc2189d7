import type { Agent, DiscussionInput } from '@parley/sdk';

/** Somebody at the table; `key` tells them apart. */
export type Seat = { key: string; kind: 'agent' | 'user'; id: string; name: string };
export type Text = { key: string; title: string; documentId?: string; text?: string };

export type Draft = {
  topic: string;
  seats: Seat[];
  policy: 'round_robin' | 'moderator';
  /** An agent's id; empty: the team's default model. */
  moderator: string;
  texts: Text[];
  max_turns: string;
  max_tokens: string;
  max_cost_usd: string;
  max_minutes: string;
  turn_timeout_seconds: string;
  on_post: 'enqueue' | 'interrupt';
  on_turn_failure: 'pause' | 'skip';
};

export const EMPTY: Draft = {
  topic: '',
  seats: [],
  policy: 'round_robin',
  moderator: '',
  texts: [],
  max_turns: '12',
  max_tokens: '',
  max_cost_usd: '',
  max_minutes: '',
  turn_timeout_seconds: '',
  on_post: 'enqueue',
  on_turn_failure: 'pause',
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

/** Sits down at the end, or gets up. */
export function toggled(seats: readonly Seat[], seat: Seat): Seat[] {
  const rest = seats.filter(({ key }) => key !== seat.key);
  return rest.length === seats.length ? [...seats, seat] : rest;
}

/** One place nearer to the beginning, or to the end. */
export function moved(seats: readonly Seat[], index: number, by: -1 | 1): Seat[] {
  const next = [...seats];
  const [seat, other] = [next[index], next[index + by]];
  if (!seat || !other) return next;
  next[index] = other;
  next[index + by] = seat;
  return next;
}

type Problems = Partial<Record<keyof Draft, string>>;

export function problems(draft: Draft): Problems {
  const found: Problems = {};
  if (draft.topic.trim() === '') found.topic = 'What is it about?';
  else if (draft.topic.length > 4000) found.topic = 'At most 4,000 characters; put longer texts on the table.';
  if (draft.seats.length === 0) found.seats = 'Somebody has to sit down.';
  else if (!draft.seats.some(({ kind }) => kind === 'agent')) found.seats = 'At least one agent has to sit down.';
  const number = (
    name: 'max_turns' | 'max_tokens' | 'max_cost_usd' | 'max_minutes' | 'turn_timeout_seconds',
    whole: boolean,
  ): void => {
    if (draft[name].trim() === '') return;
    const value = Number(draft[name]);
    if (!Number.isFinite(value) || value <= 0 || (whole && !Number.isInteger(value))) {
      found[name] = whole ? 'A whole number above 0, or nothing.' : 'A number above 0, or nothing.';
    }
  };
  number('max_turns', true);
  number('max_tokens', true);
  number('max_cost_usd', false);
  number('max_minutes', false);
  number('turn_timeout_seconds', true);
  return found;
}

function policyOf({ policy, moderator }: Draft): DiscussionInput['policy'] {
  if (policy === 'round_robin') return { type: 'round_robin' };
  return moderator === '' ? { type: 'moderator' } : { type: 'moderator', agent_id: moderator };
}

/** The draft as the server takes it. */
export function inputOf(draft: Draft): DiscussionInput {
  const value = (typed: string): number | undefined => (typed.trim() === '' ? undefined : Number(typed));
  const minutes = value(draft.max_minutes);
  const limits = {
    max_turns: value(draft.max_turns),
    max_tokens: value(draft.max_tokens),
    max_cost_usd: value(draft.max_cost_usd),
    max_seconds: minutes === undefined ? undefined : Math.max(1, Math.round(minutes * 60)),
    turn_timeout_seconds: value(draft.turn_timeout_seconds),
  };
  return {
    topic: draft.topic.trim(),
    participants: draft.seats.map(({ kind, id }) => (kind === 'agent' ? { agent_id: id } : { user_id: id })),
    policy: policyOf(draft),
    limits: Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== undefined)),
    context: draft.texts.map(({ title, documentId, text = '' }) =>
      documentId === undefined ? { title, text } : { document_id: documentId },
    ),
    on_post: draft.on_post,
    on_turn_failure: draft.on_turn_failure,
    start: true,
  };
}
