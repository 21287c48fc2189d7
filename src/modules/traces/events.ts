import { Type } from 'typebox';
import { defineEvent } from '../../platform/events/define.ts';

const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);

export const generationRecorded = defineEvent({
  type: 'generation_recorded',
  version: 1,
  topic: 'models',
  description: 'A model was called; this is what it cost, how long it took and how it ended.',
  schema: Type.Object({
    generation_id: Type.String({ format: 'uuid' }),
    model: Type.String(),
    provider: Type.String(),
    rehearsal: Type.Boolean({ description: 'Made by rule, not by a language model.' }),
    kind: Type.String({ description: 'chat, agent, turn, moderator or summary.' }),
    status: Type.Union([Type.Literal('succeeded'), Type.Literal('failed'), Type.Literal('aborted')]),
    error_code: nullable(Type.String()),
    input_tokens: Type.Integer({ minimum: 0 }),
    output_tokens: Type.Integer({ minimum: 0 }),
    cost_nano_usd: nullable(Type.Integer({ minimum: 0, description: 'Null when no price is known.' })),
    time_to_first_token_ms: nullable(Type.Integer({ minimum: 0 })),
    duration_ms: Type.Integer({ minimum: 0 }),
    agent_id: nullable(Type.String({ format: 'uuid' })),
    discussion_id: nullable(Type.String({ format: 'uuid' })),
    turn: nullable(Type.Integer({ minimum: 1 })),
  }),
  example: {
    generation_id: '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0c22',
    model: 'openai/gpt-5-mini',
    provider: 'openai',
    rehearsal: false,
    kind: 'turn',
    status: 'succeeded',
    error_code: null,
    input_tokens: 812,
    output_tokens: 96,
    cost_nano_usd: 395_000,
    time_to_first_token_ms: 420,
    duration_ms: 2310,
    agent_id: '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0a01',
    discussion_id: '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0d02',
    turn: 3,
  },
});
