import type { Agent, AgentInput, Parameters } from '@parley/sdk';

/** An agent as typed: numbers are text until they are sent. */
export type Draft = {
  name: string;
  model: string;
  instructions: string;
  temperature: string;
  top_p: string;
  max_tokens: string;
  seed: string;
  stop: string;
  window: string;
};

export const EMPTY: Draft = {
  name: '',
  model: '',
  instructions: '',
  temperature: '',
  top_p: '',
  max_tokens: '',
  seed: '',
  stop: '',
  window: '',
};

const text = (value: number | undefined): string => (value === undefined ? '' : String(value));

export function draftOf(agent: Agent): Draft {
  const { parameters, memory } = agent;
  return {
    name: agent.name,
    model: agent.model ?? '',
    instructions: agent.instructions,
    temperature: text(parameters.temperature),
    top_p: text(parameters.top_p),
    max_tokens: text(parameters.max_tokens),
    seed: text(parameters.seed),
    stop: (parameters.stop ?? []).join('\n'),
    window: text(memory.window),
  };
}

const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const MODEL = /^(?:rehearsal|[a-z0-9][a-z0-9-]{0,62}\/\S{1,180})$/;

/** What the server would refuse, said while typing. */
export function problems(draft: Draft): Partial<Record<keyof Draft, string>> {
  const found: Partial<Record<keyof Draft, string>> = {};
  if (draft.name === '') found.name = 'A name is needed: others address the agent by it.';
  else if (/[A-Z]/.test(draft.name)) found.name = 'Lower case only.';
  else if (!NAME.test(draft.name))
    found.name = 'Letters a–z, digits, - and _, beginning with a letter or digit; at most 64.';
  if (draft.model !== '' && !MODEL.test(draft.model))
    found.model = 'Like openai/gpt-5-mini, local/llama3 or rehearsal.';
  if (draft.instructions.length > 32_768) found.instructions = 'At most 32,768 characters.';
  const range = (
    name: 'temperature' | 'top_p' | 'max_tokens' | 'seed' | 'window',
    low: number,
    high: number,
    whole: boolean,
  ): void => {
    if (draft[name].trim() === '') return;
    const value = Number(draft[name]);
    if (!Number.isFinite(value) || value < low || value > high || (whole && !Number.isInteger(value))) {
      found[name] = `${whole ? 'A whole number' : 'A number'} from ${low} to ${high.toLocaleString('en-GB')}.`;
    }
  };
  range('temperature', 0, 2, false);
  range('top_p', 0.001, 1, false);
  range('max_tokens', 1, 1_000_000, true);
  range('seed', 0, 2_147_483_647, true);
  range('window', 1, 500, true);
  if (stops(draft).length > 4) found.stop = 'At most four.';
  return found;
}

const stops = (draft: Draft): string[] => draft.stop.split('\n').filter((line) => line !== '');
const number = (typed: string): number | undefined => (typed.trim() === '' ? undefined : Number(typed));

/** The draft as the server takes it. */
export function inputOf(draft: Draft): AgentInput {
  const parameters: Parameters = {};
  for (const name of ['temperature', 'top_p', 'max_tokens', 'seed'] as const) {
    const value = number(draft[name]);
    if (value !== undefined) parameters[name] = value;
  }
  if (stops(draft).length > 0) parameters.stop = stops(draft);
  const window = number(draft.window);
  return {
    name: draft.name,
    model: draft.model === '' ? null : draft.model,
    instructions: draft.instructions,
    parameters,
    ...(window !== undefined && { memory: { window } }),
  };
}
