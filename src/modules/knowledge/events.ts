import { Type } from 'typebox';
import { defineEvent } from '../../platform/events/define.ts';

/** The text of a document was kept and can be searched. The text itself stays out of the log. */
export const documentIndexed = defineEvent({
  type: 'document_indexed',
  version: 1,
  topic: 'knowledge',
  description: 'A document was added, or its title or text changed; it can be searched now.',
  schema: Type.Object({
    document_id: Type.String({ format: 'uuid' }),
    version: Type.Integer({ minimum: 1 }),
    bytes: Type.Integer({ minimum: 0 }),
    words: Type.Integer({ minimum: 0 }),
  }),
  example: { document_id: '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b11', version: 1, bytes: 5120, words: 812 },
});
