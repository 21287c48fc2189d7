import type { DiscussionInput } from '@parley/sdk';
import type { Draft } from './draft.ts';
import { ownLength, type Problems, policyOf, policyProblems } from './policy.ts';

const MOST_SEATS = 32;
const MODEL = /^(?:rehearsal|[a-z0-9][a-z0-9-]{0,62}\/\S{1,180})$/;
const ADVICE = 'Like openai/gpt-5-mini, local/llama3 or rehearsal.';

type NumberField =
  | 'max_turns'
  | 'max_tokens'
  | 'max_cost_usd'
  | 'max_minutes'
  | 'turn_timeout_seconds'
  | 'window'
  | 'retrieval';
const NUMBERS: Record<NumberField, { low: number; high: number; whole: boolean }> = {
  max_turns: { low: 1, high: 10_000, whole: true },
  max_tokens: { low: 1, high: 1_000_000_000, whole: true },
  max_cost_usd: { low: 0.000001, high: 100_000, whole: false },
  max_minutes: { low: 0.01, high: 43_200, whole: false },
  turn_timeout_seconds: { low: 0.1, high: 86_400, whole: false },
  window: { low: 1, high: 500, whole: true },
  retrieval: { low: 0, high: 20, whole: true },
};

/** Everything the server would refuse, by place. */
export function problems(draft: Draft): Problems {
  const found: Problems = {};
  if (draft.topic.trim() === '') found.topic = 'What is it about?';
  else if (draft.topic.length > 4000) found.topic = 'At most 4,000 characters; put longer texts on the table.';
  if (draft.seats.length === 0) found.seats = 'Somebody has to sit down.';
  else if (draft.seats.length > MOST_SEATS) found.seats = `At most ${MOST_SEATS} can sit down.`;
  for (const [name, { low, high, whole }] of Object.entries(NUMBERS)) {
    const typed = draft[name as NumberField].trim();
    if (typed === '') continue;
    const value = Number(typed);
    if (Number.isFinite(value) && value >= low && value <= high && (!whole || Number.isInteger(value))) continue;
    const kind = whole ? 'A whole number' : 'A number';
    if (low <= 1 && low > 0 && !(value > high)) found[name] = `${kind} above 0, or nothing.`;
    else found[name] = `${kind} from ${low} to ${high.toLocaleString('en-GB')}, or nothing.`;
  }
  if (draft.summary && draft.summary_model.trim() !== '' && !MODEL.test(draft.summary_model.trim()))
    found.summary_model = ADVICE;
  const moderates = draft.policy === 'moderator' && draft.moderator === '';
  if (moderates && draft.moderator_model.trim() !== '' && !MODEL.test(draft.moderator_model.trim()))
    found.moderator_model = ADVICE;
  const length = ownLength(draft);
  if (length !== undefined && draft.max_turns.trim() !== '' && Number(draft.max_turns) < length && !found.max_turns)
    found.max_turns = `The debate needs ${length} turns to come to its verdict.`;
  return draft.seats.length === 0 ? found : { ...found, ...policyProblems(draft) };
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
  const memory = {
    window: value(draft.window),
    retrieval: value(draft.retrieval),
    summary: draft.summary || undefined,
    summary_model: (draft.summary && draft.summary_model.trim()) || undefined,
  };
  return {
    topic: draft.topic.trim(),
    participants: draft.seats.map(({ kind, id, name }) =>
      kind === 'agent' ? { agent_id: id } : kind === 'user' ? { user_id: id } : { seat: { name } },
    ),
    policy: policyOf(draft),
    limits: given(limits),
    context: draft.texts.map(({ title, documentId, text = '' }) =>
      documentId === undefined ? { title, text } : { document_id: documentId },
    ),
    on_post: draft.on_post,
    on_turn_failure: draft.on_turn_failure,
    ...(Object.keys(given(memory)).length > 0 && { memory: given(memory) }),
    start: true,
  };
}

/** Without what was left open. */
const given = <T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };

/** Where in the form a field of the server's is: `policy.edges.1.to` → `edges.1.to`. */
export function placeOf(field: string, draft: Draft): string {
  const [head = '', ...rest] = field.split('.');
  if (head === 'participants') return rest[0] === undefined ? 'seats' : `seats.${rest[0]}`;
  if (head === 'context') return 'texts';
  if (head === 'limits') return rest[0] === 'max_seconds' ? 'max_minutes' : (rest[0] ?? head);
  if (head === 'memory') return rest[0] ?? head;
  if (head !== 'policy') return head;
  const [part, ...more] = rest;
  if (part === 'weights') {
    const named = more.join('.');
    const seat = draft.seats.find(({ id, name }) => id === named || name === named);
    return seat ? `weights.${seat.key}` : 'policy';
  }
  if (part === 'edges') return ['edges', ...more.slice(0, 2)].join('.');
  if (part === 'sides') return ['sides', ...more.slice(0, more[1] === 'name' ? 2 : 1)].join('.');
  if (part === 'agent_id') return 'moderator';
  if (part === 'model') return 'moderator_model';
  return part === 'judge' || part === 'rounds' || part === 'start' || part === 'fallback' ? part : 'policy';
}
