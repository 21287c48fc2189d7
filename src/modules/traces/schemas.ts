import { type Static, type TSchema, Type } from 'typebox';

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const id = () => Type.String({ format: 'uuid' });

/** One model call as `GET /generations` shows it. */
export const Generation = Type.Object(
  {
    id: id(),
    model: Type.String({ description: 'What it can be asked for by, e.g. `openai/gpt-5-mini`.' }),
    provider: Type.String(),
    rehearsal: Type.Boolean({ description: 'Made by rule, not by a language model.' }),
    kind: Type.Enum(['chat', 'agent', 'turn', 'moderator', 'summary']),
    status: Type.Union([Type.Literal('succeeded'), Type.Literal('failed'), Type.Literal('aborted')]),
    error_code: nullable(Type.String({ description: 'An error code of ours, e.g. `model_timeout`.' })),
    finish_reason: nullable(Type.String()),
    input_tokens: Type.Integer(),
    output_tokens: Type.Integer(),
    tokens_estimated: Type.Boolean({
      description: 'The provider told no counts: four bytes of text are one token here.',
    }),
    output_characters: Type.Integer({ description: 'What was received, also of an answer that broke off.' }),
    cost_nano_usd: nullable(
      Type.Integer({ description: '1,000,000,000 are one US dollar. Null when no price is known.' }),
    ),
    attempts: Type.Integer({ description: 'How often the provider was asked.' }),
    time_to_first_token_ms: nullable(Type.Integer()),
    duration_ms: Type.Integer(),
    agent_id: nullable(id()),
    discussion_id: nullable(id()),
    turn: nullable(Type.Integer()),
    actor: Type.Object({ kind: Type.String(), id: Type.String() }),
    trace_id: Type.String(),
    created_at: Type.String({ format: 'date-time' }),
  },
  { title: 'Generation' },
);
export type Generation = Static<typeof Generation>;

export const GenerationParams = Type.Object({ generation_id: id() });

/** What the list can be narrowed to. */
export const filters = {
  agent_id: Type.Optional(id()),
  discussion_id: Type.Optional(id()),
  status: Type.Optional(Generation.properties.status),
  model: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
};
export type Filters = { [K in keyof typeof filters]?: Static<(typeof filters)[K]> | undefined };
