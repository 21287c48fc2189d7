import { type Static, type TSchema, Type } from 'typebox';

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const optional = <T extends TSchema>(schema: T) => Type.Optional(nullable(schema));

const Text = Type.String({ maxLength: 4_000_000 });
/** A part of a message. Of its kinds only `text` and `refusal` are taken; the others are refused in words (rules.ts). */
const ContentPart = Type.Object({
  type: Type.String({ maxLength: 64 }),
  text: Type.Optional(Text),
  refusal: Type.Optional(Text),
});
const Message = Type.Object({
  role: Type.String({ maxLength: 32, description: '`system`, `developer`, `user` or `assistant`.' }),
  content: optional(Type.Union([Text, Type.Array(ContentPart, { maxItems: 1_000 })])),
  name: Type.Optional(Type.String({ maxLength: 64 })),
});

/** OpenAI's request. What is not named here is not looked at, as OpenAI's own server keeps it with what it does not know. */
export const ChatRequest = Type.Object(
  {
    model: optional(
      Type.String({
        maxLength: 256,
        description: '`provider/model`, `local/…`, `rehearsal` or `agent:NAME`. Absent: the default of the tenant.',
      }),
    ),
    messages: Type.Array(Message, { minItems: 1, maxItems: 1_000 }),
    stream: optional(Type.Boolean()),
    stream_options: optional(Type.Object({ include_usage: optional(Type.Boolean()) })),
    max_tokens: optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    max_completion_tokens: optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    temperature: optional(Type.Number({ minimum: 0, maximum: 2 })),
    top_p: optional(Type.Number({ minimum: 0, maximum: 1 })),
    seed: optional(Type.Integer()),
    stop: optional(
      Type.Union([Type.String({ maxLength: 200 }), Type.Array(Type.String({ maxLength: 200 }), { maxItems: 4 })]),
    ),
    n: optional(Type.Integer({ minimum: 1, maximum: 128 })),
    logprobs: optional(Type.Boolean()),
    response_format: optional(Type.Object({ type: Type.String({ maxLength: 64 }) })),
    modalities: optional(Type.Array(Type.String({ maxLength: 32 }), { maxItems: 8 })),
    tools: optional(Type.Array(Type.Unknown(), { maxItems: 1_000 })),
    functions: optional(Type.Array(Type.Unknown(), { maxItems: 1_000 })),
  },
  { title: 'ChatCompletionRequest' },
);
export type ChatRequest = Static<typeof ChatRequest>;

/** What OpenAI's wire has no place for. Their clients pass it by. */
const Extras = Type.Object(
  {
    generation_id: Type.String({ format: 'uuid' }),
    provider: Type.String(),
    rehearsal: Type.Boolean({ description: 'True: made by rule, not by a language model.' }),
    cost_nano_usd: nullable(Type.Integer({ description: 'Null when no price is known.' })),
    usage_estimated: Type.Boolean({ description: 'The provider told no counts.' }),
    time_to_first_token_ms: Type.Integer(),
    duration_ms: Type.Integer(),
    citations: Type.Array(
      Type.Object({ document_id: Type.Optional(Type.String()), title: Type.String(), quote: Type.String() }),
    ),
  },
  { description: 'Parley’s own: what became of this call. A stream has it in the chunk with the finish_reason.' },
);
export type Extras = Static<typeof Extras>;

const Usage = Type.Object({
  prompt_tokens: Type.Integer(),
  completion_tokens: Type.Integer(),
  total_tokens: Type.Integer(),
});

const FinishReason = Type.Union([Type.Literal('stop'), Type.Literal('length'), Type.Literal('content_filter')]);

export const ChatCompletion = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('chat.completion'),
    created: Type.Integer({ description: 'Unix time in seconds.' }),
    model: Type.String(),
    choices: Type.Array(
      Type.Object({
        index: Type.Integer(),
        message: Type.Object({
          role: Type.Literal('assistant'),
          content: Type.String(),
          refusal: Type.Null(),
        }),
        logprobs: Type.Null(),
        finish_reason: FinishReason,
      }),
    ),
    usage: Usage,
    parley: Extras,
  },
  { title: 'ChatCompletion' },
);
export type ChatCompletion = Static<typeof ChatCompletion>;

/** One `data:` of a stream. Not validated on its way out: it is made in rules.ts, where its type is held. */
export type ChatChunk = {
  id: string;
  object: 'chat.completion.chunk';
  created: number;
  model: string;
  choices: {
    index: 0;
    delta: { role?: 'assistant'; content?: string };
    logprobs: null;
    finish_reason: Static<typeof FinishReason> | null;
  }[];
  usage?: Static<typeof Usage> | null;
  parley?: Extras;
};

export const Model = Type.Object(
  {
    id: Type.String({ description: 'What a request names.' }),
    object: Type.Literal('model'),
    created: Type.Integer({ description: 'Unix time in seconds; 0 where it is not known.' }),
    owned_by: Type.String({ description: 'The provider, or `parley`.' }),
    kind: Type.Union([Type.Literal('model'), Type.Literal('agent')]),
    rehearsal: Type.Optional(
      Type.Boolean({ description: 'True: answers by rule, not by a language model. An agent’s answers tell it.' }),
    ),
  },
  { title: 'Model' },
);
export type Model = Static<typeof Model>;
export const ModelList = Type.Object({ object: Type.Literal('list'), data: Type.Array(Model) });
export const ModelParams = Type.Object({ model_id: Type.String({ minLength: 1, maxLength: 256 }) });
