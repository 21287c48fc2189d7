import { type Static, Type } from 'typebox';

/** Bytes of UTF-8 that a document's text may have. */
export const MAX_TEXT_BYTES = 1_048_576;

export const Title = Type.String({ minLength: 1, maxLength: 300, description: 'What the document is called.' });
export const Text = Type.String({
  minLength: 1,
  maxLength: MAX_TEXT_BYTES,
  description: 'Plain text, at most 1 MiB of UTF-8, without U+0000.',
});
/** Free facts of the client's own: at most 32 short ones. */
export const Metadata = Type.Record(
  Type.String({ pattern: '^[A-Za-z0-9_.-]{1,64}$' }),
  Type.Union([Type.String({ maxLength: 512 }), Type.Number(), Type.Boolean(), Type.Null()]),
  {
    additionalProperties: false,
    maxProperties: 32,
    description: 'Facts of your own: at most 32, each a short string, a number, a boolean or null.',
  },
);

export const CreateDocument = Type.Object(
  { title: Title, text: Text, metadata: Type.Optional(Metadata) },
  { title: 'CreateDocument', additionalProperties: false },
);
export const ChangeDocument = Type.Object(
  { title: Type.Optional(Title), text: Type.Optional(Text), metadata: Type.Optional(Metadata) },
  { title: 'ChangeDocument', additionalProperties: false, minProperties: 1 },
);

const facts = {
  id: Type.String({ format: 'uuid' }),
  title: Type.String(),
  bytes: Type.Integer({ description: 'Bytes of the text in UTF-8.' }),
  words: Type.Integer(),
  metadata: Metadata,
  version: Type.Integer({ description: 'Grows with every change; the ETag.' }),
  created_at: Type.String({ format: 'date-time' }),
  updated_at: Type.String({ format: 'date-time' }),
};

/** A document as lists show it: without its text. */
export const DocumentFacts = Type.Object(facts, { title: 'DocumentSummary' });
export const Document = Type.Object({ ...facts, text: Type.String() }, { title: 'Document' });
export const DocumentHit = Type.Object(
  {
    ...facts,
    snippet: Type.Optional(
      Type.String({
        description:
          'With `q`: the passage that matches best, as safe HTML. Matches stand in `<mark>`…`</mark>`; everything else is escaped.',
      }),
    ),
  },
  { title: 'DocumentHit' },
);
export const DocumentParams = Type.Object({ document_id: Type.String({ format: 'uuid' }) });

export type CreateDocument = Static<typeof CreateDocument>;
export type ChangeDocument = Static<typeof ChangeDocument>;
export type DocumentFacts = Static<typeof DocumentFacts>;
export type Document = Static<typeof Document>;
export type DocumentHit = Static<typeof DocumentHit>;
