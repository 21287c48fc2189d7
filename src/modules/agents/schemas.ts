import { type Static, Type } from 'typebox';
import { Metadata, Text, Title } from '../knowledge/index.ts';

export const AgentName = Type.String({
  pattern: '^[a-z0-9][a-z0-9_-]{0,63}$',
  description:
    'Lower-case letters, digits, `-` and `_`, up to 64. Unique within the tenant. Other wires call the agent `agent:NAME`.',
});
export const ModelId = Type.String({
  pattern: '^(?:rehearsal|[a-z0-9][a-z0-9-]{0,62}/[^\\s\\u0000-\\u001f]{1,180})$',
  description: '`provider/model`, `local/…` or `rehearsal`. Absent: the default model of the tenant.',
});
export const Parameters = Type.Object(
  {
    temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 2 })),
    top_p: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1 })),
    max_tokens: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    seed: Type.Optional(Type.Integer({ minimum: 0, maximum: 2_147_483_647 })),
    stop: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 4 })),
  },
  { additionalProperties: false },
);
export const AgentMemory = Type.Object(
  {
    window: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 500,
        description: 'How many of the last messages are given word for word.',
      }),
    ),
    summary: Type.Optional(Type.Boolean({ description: 'Whether what was said before these is given in short.' })),
    retrieval: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 20,
        description:
          'How many passages are looked up for each turn, in the documents (in place of their beginnings) and in what ' +
          'was said before the window.',
      }),
    ),
  },
  {
    additionalProperties: false,
    title: 'AgentMemory',
    description: 'What the agent is given to remember. What is absent, the discussion says.',
  },
);

const FallbackModels = Type.Array(ModelId, {
  maxItems: 5,
  uniqueItems: true,
  description: 'Tried in this order when the model cannot be had and has not said a word yet.',
});

const changeable = {
  name: AgentName,
  model: Type.Union([ModelId, Type.Null()]),
  fallback_models: FallbackModels,
  instructions: Type.String({ maxLength: 32_768, description: 'Who the agent is and how it should speak.' }),
  parameters: Parameters,
  memory: AgentMemory,
  metadata: Metadata,
};

export const CreateAgent = Type.Object(
  {
    name: changeable.name,
    model: Type.Optional(changeable.model),
    fallback_models: Type.Optional(changeable.fallback_models),
    instructions: Type.Optional(changeable.instructions),
    parameters: Type.Optional(changeable.parameters),
    memory: Type.Optional(changeable.memory),
    metadata: Type.Optional(changeable.metadata),
  },
  { title: 'CreateAgent', additionalProperties: false },
);
export const ChangeAgent = Type.Partial(CreateAgent, { additionalProperties: false, minProperties: 1 });

export const AgentStatus = Type.Union([Type.Literal('active'), Type.Literal('archived')]);
export const Agent = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    ...changeable,
    status: AgentStatus,
    version: Type.Integer({ description: 'Grows with every change; the ETag.' }),
    created_at: Type.String({ format: 'date-time' }),
    updated_at: Type.String({ format: 'date-time' }),
  },
  { title: 'Agent' },
);
export const AgentParams = Type.Object({ agent_id: Type.String({ format: 'uuid' }) });

/** A text given on the spot, or a kept document. */
export const ContextItem = Type.Union([
  Type.Object({ title: Title, text: Text }, { additionalProperties: false, title: 'ContextText' }),
  Type.Object(
    { document_id: Type.String({ format: 'uuid' }) },
    { additionalProperties: false, title: 'ContextDocument' },
  ),
]);
const Content = Type.String({ minLength: 1, maxLength: 262_144 });
export const Invoke = Type.Object(
  {
    input: Type.Union([
      Content,
      Type.Array(
        Type.Object(
          { role: Type.Enum(['system', 'user', 'assistant']), content: Content },
          { additionalProperties: false },
        ),
        { minItems: 1, maxItems: 200 },
      ),
    ]),
    context: Type.Optional(Type.Array(ContextItem, { maxItems: 16 })),
  },
  { title: 'InvokeAgent', additionalProperties: false },
);
export const Citation = Type.Object(
  {
    document_id: Type.Optional(Type.String({ format: 'uuid' })),
    title: Type.String(),
    quote: Type.String(),
  },
  { title: 'Citation' },
);
export const Fallbacks = Type.Array(
  Type.Object({
    model: Type.String(),
    code: Type.String({ description: 'Why it could not be had: an error code.' }),
  }),
  { description: 'The models that were tried in vain before the one that answered.' },
);
export const Invocation = Type.Object(
  {
    content: Type.String(),
    model: Type.String(),
    provider: Type.String(),
    rehearsal: Type.Boolean({ description: 'True: made by rule, not by a language model.' }),
    finish_reason: Type.String(),
    usage: Type.Object({
      input_tokens: Type.Integer(),
      output_tokens: Type.Integer(),
      cost_nano_usd: Type.Union([Type.Integer(), Type.Null()], { description: 'Null when no price is known.' }),
    }),
    time_to_first_token_ms: Type.Number(),
    duration_ms: Type.Number(),
    generation_id: Type.String({ format: 'uuid' }),
    citations: Type.Optional(Type.Array(Citation)),
    fallbacks: Type.Optional(Fallbacks),
  },
  { title: 'Invocation' },
);

export type CreateAgent = Static<typeof CreateAgent>;
export type ChangeAgent = Static<typeof ChangeAgent>;
export type Agent = Static<typeof Agent>;
export type Parameters = Static<typeof Parameters>;
export type ContextItem = Static<typeof ContextItem>;
export type Invoke = Static<typeof Invoke>;
export type Invocation = Static<typeof Invocation>;
