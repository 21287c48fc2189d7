import { Type } from 'typebox';
import { defineEvent } from '../../platform/events/define.ts';
import { By } from '../identity/index.ts';

const USER = '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b11';

export const providerChanged = defineEvent({
  type: 'provider_changed',
  version: 1,
  topic: 'models',
  description: 'A model provider of the tenant was set up, changed or forgotten. The key itself is in no event.',
  schema: Type.Object({
    name: Type.String(),
    kind: Type.Enum(['openai', 'anthropic', 'google', 'openai_compatible']),
    change: Type.Enum(['set', 'removed']),
    host: Type.Union([Type.String(), Type.Null()], { description: 'Null: the provider’s own address.' }),
    key_changed: Type.Boolean(),
    by: By,
  }),
  example: {
    name: 'openai',
    kind: 'openai',
    change: 'set',
    host: null,
    key_changed: true,
    by: { kind: 'user', id: USER },
  },
});

export const defaultModelChanged = defineEvent({
  type: 'default_model_changed',
  version: 1,
  topic: 'models',
  description: 'The model that is used where none is named was chosen, or (null) left to what is configured.',
  schema: Type.Object({ model: Type.Union([Type.String(), Type.Null()]), by: By }),
  example: { model: 'openai/gpt-5-mini', by: { kind: 'user', id: USER } },
});
