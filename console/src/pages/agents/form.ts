import type { Agent, AgentInput, Parameters } from '@parley/sdk';

type Fact = string | number | boolean | null;

/** An agent as typed: numbers are text until they are sent. */
export type Draft = {
  name: string;
  model: string;
  /** Tried in this order when the model cannot be had. */
  fallbacks: string[];
  instructions: string;
  temperature: string;
  top_p: string;
  max_tokens: string;
  seed: string;
  stop: string;
  window: string;
  /** Empty: as the discussion says. */
  summary: '' | 'yes' | 'no';
  retrieval: string;
  metadata: { key: string; value: string }[];
};

export const EMPTY: Draft = {
  name: '',
  model: '',
  fallbacks: [],
  instructions: '',
  temperature: '',
  top_p: '',
  max_tokens: '',
  seed: '',
  stop: '',
  window: '',
  summary: '',
  retrieval: '',
  metadata: [],
};

/** Those of the draft that are one line or one text. */
export type TextName = { [K in keyof Draft]: Draft[K] extends string ? K : never }[keyof Draft];

export const MOST_FALLBACKS = 5;
export const MOST_FACTS = 32;

const text = (value: number | undefined): string => (value === undefined ? '' : String(value));

export function draftOf(agent: Agent): Draft {
  const { parameters, memory } = agent;
  return {
    name: agent.name,
    model: agent.model ?? '',
    fallbacks: [...agent.fallback_models],
    instructions: agent.instructions,
    temperature: text(parameters.temperature),
    top_p: text(parameters.top_p),
    max_tokens: text(parameters.max_tokens),
    seed: text(parameters.seed),
    stop: (parameters.stop ?? []).join('\n'),
    window: text(memory.window),
    summary: memory.summary === undefined ? '' : memory.summary ? 'yes' : 'no',
    retrieval: text(memory.retrieval),
    metadata: Object.entries(agent.metadata).map(([key, value]) => ({ key, value: factText(value) })),
  };
}

const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const MODEL = /^(?:rehearsal|[a-z0-9][a-z0-9-]{0,62}\/\S{1,180})$/;
const FACT_NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const ADVICE = 'Like openai/gpt-5-mini, local/llama3 or rehearsal.';

/** What the server would refuse, said while typing; of a list by place: `fallbacks.1`. */
export function problems(draft: Draft): Record<string, string> {
  const found: Record<string, string> = {};
  if (draft.name === '') found.name = 'A name is needed: others address the agent by it.';
  else if (/[A-Z]/.test(draft.name)) found.name = 'Lower case only.';
  else if (!NAME.test(draft.name))
    found.name = 'Letters a–z, digits, - and _, beginning with a letter or digit; at most 64.';
  if (draft.model !== '' && !MODEL.test(draft.model)) found.model = ADVICE;
  if (draft.instructions.length > 32_768) found.instructions = 'At most 32,768 characters.';
  for (const [i, model] of draft.fallbacks.entries()) {
    if (!MODEL.test(model)) found[`fallbacks.${i}`] = ADVICE;
    else if (draft.fallbacks.indexOf(model) < i || model === draft.model)
      found[`fallbacks.${i}`] = 'It would be tried twice.';
  }
  for (const [i, { key, value }] of draft.metadata.entries()) {
    if (!FACT_NAME.test(key)) found[`metadata.${i}`] = 'Letters, digits, - _ and . make a name; at most 64.';
    else if (draft.metadata.findIndex((other) => other.key === key) < i)
      found[`metadata.${i}`] = 'This name is there already.';
    else if (value.length > 512) found[`metadata.${i}`] = 'At most 512 characters.';
  }
  return { ...found, ...numberProblems(draft) };
}

const NUMBERS = {
  temperature: [0, 2, false],
  top_p: [0.001, 1, false],
  max_tokens: [1, 1_000_000, true],
  seed: [0, 2_147_483_647, true],
  window: [1, 500, true],
  retrieval: [0, 20, true],
} as const;

function numberProblems(draft: Draft): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, [low, high, whole]] of Object.entries(NUMBERS)) {
    const typed = draft[name as keyof typeof NUMBERS].trim();
    const value = Number(typed);
    if (typed === '') continue;
    if (!Number.isFinite(value) || value < low || value > high || (whole && !Number.isInteger(value)))
      found[name] = `${whole ? 'A whole number' : 'A number'} from ${low} to ${high.toLocaleString('en-GB')}.`;
  }
  if (stops(draft).length > 4) found.stop = 'At most four.';
  return found;
}

const stops = (draft: Draft): string[] => draft.stop.split('\n').filter((line) => line !== '');
const number = (typed: string): number | undefined => (typed.trim() === '' ? undefined : Number(typed));

/** What was kept as a number, a truth or nothing is shown as JSON shows it, and a text that looks so in quotes. */
const factText = (value: Fact): string =>
  typeof value === 'string' ? (factOf(value) === value ? value : JSON.stringify(value)) : String(value);

/** `12`, `true` and `null` are what they look like; in quotes, or anything else, it is text. */
export function factOf(typed: string): Fact {
  if (/^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?|"(?:[^"\\]|\\.)*")$/.test(typed.trim())) {
    try {
      return JSON.parse(typed) as Fact;
    } catch {
      return typed;
    }
  }
  return typed;
}

/** The draft as the server takes it. */
export function inputOf(draft: Draft): AgentInput {
  const parameters: Parameters = {};
  for (const name of ['temperature', 'top_p', 'max_tokens', 'seed'] as const) {
    const value = number(draft[name]);
    if (value !== undefined) parameters[name] = value;
  }
  if (stops(draft).length > 0) parameters.stop = stops(draft);
  const [window, retrieval] = [number(draft.window), number(draft.retrieval)];
  return {
    name: draft.name,
    model: draft.model === '' ? null : draft.model,
    fallback_models: draft.fallbacks,
    instructions: draft.instructions,
    parameters,
    memory: {
      ...(window !== undefined && { window }),
      ...(draft.summary !== '' && { summary: draft.summary === 'yes' }),
      ...(retrieval !== undefined && { retrieval }),
    },
    metadata: Object.fromEntries(draft.metadata.map(({ key, value }) => [key, factOf(value)])),
  };
}

/** Where in the form a field of the server's is: `fallback_models.1` → `fallbacks.1`. */
export function placeOf(field: string, draft: Draft): string {
  const [head = '', ...rest] = field.split('.');
  if (head === 'fallback_models') return ['fallbacks', ...rest].join('.');
  if (head === 'parameters' || head === 'memory') return rest[0] ?? head;
  if (head !== 'metadata') return head;
  const at = draft.metadata.findIndex(({ key }) => key === rest.join('.'));
  return at < 0 ? 'metadata' : `metadata.${at}`;
}
