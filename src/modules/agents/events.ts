import { Type } from 'typebox';
import { defineEvent } from '../../platform/events/define.ts';

const example = { agent_id: '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b11', name: 'critic' };
const who = { agent_id: Type.String({ format: 'uuid' }), name: Type.String() };

export const agentRegistered = defineEvent({
  type: 'agent_registered',
  version: 1,
  topic: 'agents',
  description: 'An agent was made.',
  schema: Type.Object(who),
  example,
});

export const agentChanged = defineEvent({
  type: 'agent_changed',
  version: 1,
  topic: 'agents',
  description: 'An agent was changed, archived, restored or deleted.',
  schema: Type.Object({
    ...who,
    change: Type.Union([
      Type.Literal('updated'),
      Type.Literal('archived'),
      Type.Literal('restored'),
      Type.Literal('deleted'),
    ]),
    version: Type.Integer({ minimum: 1 }),
  }),
  example: { ...example, change: 'updated' as const, version: 2 },
});
