import { type Static, type TSchema, Type } from 'typebox';
import { ModelId, Parameters } from '../../agents/index.ts';

const Id = Type.String({ format: 'uuid' });
const Seq = Type.Integer({ minimum: 1 });
const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

const ofDiscussion = {
  window: Type.Integer({
    minimum: 1,
    maximum: 500,
    description: 'How many of the last messages a speaker is given word for word. Default 40.',
  }),
  summary: Type.Boolean({
    description: 'Whether what was said before these is given in short; it is written beside the turns. Default false.',
  }),
  summary_model: Type.Optional(ModelId),
  retrieval: Type.Integer({
    minimum: 0,
    maximum: 20,
    description:
      'How many passages are looked up for each turn, in the documents (in place of their beginnings) and in what was ' +
      'said before the window. Default 0.',
  }),
};
/** What speakers are given to remember, where their agent does not say otherwise. */
export const Memory = Type.Object(ofDiscussion, { title: 'Memory' });
export const AskedMemory = Type.Partial(Memory, { additionalProperties: false, title: 'MemoryInput' });
export type Memory = Static<typeof Memory>;

/** One message of a prompt, as it was sent. */
const GivenMessage = Type.Object(
  {
    role: Type.Enum(['system', 'user', 'assistant']),
    name: Type.Optional(Type.String({ description: 'Who said it, where it was not the speaker.' })),
    content: Type.String(),
    seq: orNull(
      Type.Integer({
        description: 'Of the message in the discussion. Null: not said there (instructions, the topic).',
      }),
    ),
  },
  { title: 'GivenMessage' },
);

const Retrieved = Type.Object(
  {
    kind: Type.Enum(['document', 'message']),
    document_id: orNull(Id),
    seq: orNull(Type.Integer()),
    title: Type.String({ description: 'The document’s title, or who said it.' }),
    text: Type.String(),
  },
  { title: 'RetrievedPassage' },
);

/** What a speaker was given for a turn. */
export const TurnContext = Type.Object(
  {
    turn: Type.Integer(),
    attempt: Type.Integer({ description: 'Which attempt at the turn: the newest that was given anything.' }),
    participant_id: Id,
    model: orNull(Type.String({ description: 'The model that was asked for; null asks for the tenant’s default.' })),
    parameters: Parameters,
    brief: orNull(Type.String({ description: 'What the policy told this speaker about its part.' })),
    messages: Type.Array(GivenMessage, { description: 'Exactly what was sent, in this order.' }),
    memory: Type.Object({
      window: orNull(
        Type.Object(
          { from_seq: Seq, to_seq: Seq },
          { description: 'The messages that were given word for word. Null: there were none.' },
        ),
      ),
      summary: orNull(Type.Object({ up_to_seq: Seq, text: Type.String() })),
      retrieved: Type.Array(Retrieved),
    }),
    documents: Type.Array(Type.Object({ document_id: Id, title: Type.String(), bytes: Type.Integer() }), {
      description: 'Documents that were at hand.',
    }),
    estimated_tokens: Type.Integer({ description: 'Four bytes of UTF-8 are one token here.' }),
  },
  { title: 'TurnContext' },
);
export type TurnContext = Static<typeof TurnContext>;

/** What a discussion remembers beside its last messages. */
export const DiscussionMemory = Type.Object(
  {
    window: ofDiscussion.window,
    summary: orNull(
      Type.Object(
        {
          up_to_seq: Seq,
          text: Type.String(),
          model: Type.String(),
          usage: Type.Object({
            input_tokens: Type.Integer(),
            output_tokens: Type.Integer(),
            cost_nano_usd: orNull(Type.Integer()),
          }),
          created_at: Type.String({ format: 'date-time' }),
        },
        { description: 'The newest. Null: none is wanted, or nothing has left the window yet.' },
      ),
    ),
    retrieval: ofDiscussion.retrieval,
  },
  { title: 'DiscussionMemory' },
);
export type DiscussionMemory = Static<typeof DiscussionMemory>;

export const TurnParams = Type.Object({
  discussion_id: Id,
  turn: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
});
