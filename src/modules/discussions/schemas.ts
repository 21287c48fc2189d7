import { type Static, type TSchema, Type } from 'typebox';
import { Citation, ContextItem, Fallbacks } from '../agents/index.ts';
import { AskedMemory, Memory } from './memory/schemas.ts';
import { Limits } from './rules/limits.ts';
import { AskedPolicy, KeptPolicy } from './rules/policies.ts';
import { STATUSES } from './rules/status.ts';
import { SeatParticipant, seatTurnFields } from './seats/schemas.ts';

export const MAX_PARTICIPANTS = 32;
export const MAX_CONTEXT = 16;
/** UTF-16 units of one message of a person. */
export const MAX_MESSAGE = 65_536;
/** Messages that one discussion may hold. */
export const MAX_MESSAGES = 100_000;

const Id = Type.String({ format: 'uuid' });
export const Time = Type.String({ format: 'date-time' });
export const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const ON_POST = ['enqueue', 'interrupt', 'rollback', 'reject'] as const;
export const ON_TURN_FAILURE = ['pause', 'skip'] as const;
const OnPost = Type.Enum([...ON_POST], {
  description:
    'A message while an agent speaks, or models are asked who should: `enqueue` lets it go on; `interrupt` ends the turn, ' +
    'and what was said so far is kept; `rollback` drops what was said so far and begins the same turn anew; `reject` ' +
    'refuses the message with `conflict`.',
});
const OnTurnFailure = Type.Enum([...ON_TURN_FAILURE], {
  description: 'When a turn fails for good: `pause` the discussion (resuming tries again) or `skip` the turn.',
});
const AskedParticipant = Type.Union([
  Type.Object({ agent_id: Id }, { additionalProperties: false, title: 'AgentParticipant' }),
  Type.Object({ user_id: Id }, { additionalProperties: false, title: 'UserParticipant' }),
  SeatParticipant,
]);

export const CreateDiscussion = Type.Object(
  {
    topic: Type.String({ minLength: 1, maxLength: 4_000 }),
    participants: Type.Array(AskedParticipant, { minItems: 1, maxItems: MAX_PARTICIPANTS }),
    policy: Type.Optional(AskedPolicy),
    limits: Type.Optional(Type.Partial(Limits, { additionalProperties: false })),
    context: Type.Optional(Type.Array(ContextItem, { maxItems: MAX_CONTEXT })),
    on_post: Type.Optional(OnPost),
    on_turn_failure: Type.Optional(OnTurnFailure),
    memory: Type.Optional(AskedMemory),
    start: Type.Optional(Type.Boolean({ description: 'Default true. False: `resume` starts it.' })),
  },
  { title: 'CreateDiscussion', additionalProperties: false },
);

const ParticipantKind = Type.Enum(['agent', 'user', 'seat'], {
  description: '`seat`: an outside client that holds a key of its own.',
});
export const Participant = Type.Object(
  {
    id: Id,
    kind: ParticipantKind,
    agent_id: orNull(Id),
    user_id: orNull(Id),
    name: Type.String(),
  },
  { title: 'Participant' },
);
const ContextFacts = Type.Object({ title: Type.String(), document_id: Id, bytes: Type.Integer() });
const NextSpeaker = orNull(
  Type.Object({
    participant_id: Id,
    name: Type.String(),
    kind: ParticipantKind,
    reason: Type.String({ description: 'Why it is their turn, in a sentence.' }),
  }),
);
const By = Type.Object({ kind: Type.Enum(['user', 'api_key', 'system']), id: Type.String(), name: Type.String() });

export const Discussion = Type.Object(
  {
    id: Id,
    topic: Type.String(),
    status: Type.Enum([...STATUSES]),
    status_reason: orNull(
      Type.String({ description: 'Why it stands or ended: a limit, an error code, or `requested`.' }),
    ),
    needs: orNull(
      Type.Object({
        max_cost_usd: Type.Number({
          description: 'The least limit with which one more turn, of the mean cost of those so far, can be had.',
        }),
      }),
    ),
    policy: KeptPolicy,
    limits: Limits,
    on_post: OnPost,
    on_turn_failure: OnTurnFailure,
    memory: Memory,
    participants: Type.Array(Participant),
    context: Type.Array(ContextFacts),
    turn: Type.Integer({ description: 'The turn that is under way or comes next, counted from 1.' }),
    next_speaker: NextSpeaker,
    deadline: orNull(
      Type.String({ format: 'date-time', description: 'When the turn under way is cut. Null while none is.' }),
    ),
    usage: Type.Object({
      turns: Type.Integer({ description: 'Turns that ended.' }),
      input_tokens: Type.Integer(),
      output_tokens: Type.Integer(),
      cost_nano_usd: Type.Integer({ description: 'Generations without a known price count 0.' }),
      elapsed_seconds: Type.Number({ description: 'Time spent running or waiting.' }),
    }),
    messages: Type.Integer({ description: 'How many messages there are; the newest has this `seq`.' }),
    forked_from: orNull(
      Type.Object({
        discussion_id: Id,
        seq: Type.Integer({ description: 'The last message that was taken over.' }),
      }),
    ),
    version: Type.Integer(),
    created_by: By,
    created_at: Time,
    updated_at: Time,
    started_at: orNull(Time),
    ended_at: orNull(Time),
    cursor: Type.String({ description: 'Where the event stream stood when this was read.' }),
  },
  { title: 'Discussion' },
);
/** In lists: without the cursor, which a list has once. */
export const DiscussionFacts = Type.Omit(Discussion, ['cursor']);

export const Author = Type.Object(
  {
    kind: Type.Enum(['agent', 'user', 'seat', 'system']),
    participant_id: orNull(Id),
    agent_id: orNull(Id),
    user_id: orNull(Id),
    name: Type.String(),
  },
  { title: 'Author' },
);
export const Usage = Type.Object({
  input_tokens: Type.Integer(),
  output_tokens: Type.Integer(),
  cost_nano_usd: orNull(Type.Integer()),
});
const MessageMetadata = Type.Object({
  model: Type.Optional(Type.String()),
  provider: Type.Optional(Type.String()),
  rehearsal: Type.Optional(Type.Boolean({ description: 'True: made by rule, not by a language model.' })),
  finish_reason: Type.Optional(
    Type.String({
      description: '`stop`, `length`, `content_filter`, `other`; `interrupted`: cut short, kept as far as it was.',
    }),
  ),
  generation_id: Type.Optional(Id),
  citations: Type.Optional(Type.Array(Citation)),
  fallbacks: Type.Optional(Fallbacks),
  calls: Type.Optional(
    Type.Array(Id, { description: 'Participants whom it calls by `@name`, where the policy listens.' }),
  ),
  verdict: Type.Optional(
    Type.Object(
      { side: orNull(Type.String()) },
      { description: 'Of a debate’s judge: the side named in the last line, null where it names none.' },
    ),
  ),
});
export const messageFields = {
  id: Id,
  seq: Type.Integer({ description: '1, 2, 3 … within the discussion, without a hole.' }),
  turn: orNull(Type.Integer({ description: 'Null: said outside of a turn.' })),
  author: Author,
  content: Type.String(),
  metadata: MessageMetadata,
  usage: orNull(Usage),
  time_to_first_token_ms: orNull(Type.Integer()),
  duration_ms: orNull(Type.Integer()),
  created_at: Time,
};
export const Message = Type.Object(messageFields, { title: 'Message' });
export const Posted = Type.Object({ ...messageFields, next_speaker: NextSpeaker }, { title: 'PostedMessage' });
export const PostMessage = Type.Object(
  { content: Type.String({ minLength: 1, maxLength: MAX_MESSAGE, pattern: '\\S' }), ...seatTurnFields },
  { title: 'PostMessage', additionalProperties: false },
);
export const ResumeDiscussion = Type.Object(
  {
    limits: Type.Optional(
      Type.Partial(Limits, {
        additionalProperties: false,
        description: 'In place of those it has; the others stay. Needed where `needs` says so.',
      }),
    ),
  },
  { title: 'ResumeDiscussion', additionalProperties: false },
);
export const AdvanceDiscussion = Type.Object(
  {
    next_speaker: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description: 'Who speaks next, by participant id, agent id, user id or name.',
      }),
    ),
  },
  { title: 'AdvanceDiscussion', additionalProperties: false },
);
export const TURN_STATUSES = [
  'running',
  'waiting',
  'paused',
  'completed',
  'interrupted',
  'skipped',
  'failed',
  'cancelled',
] as const;
const Proposal = Type.Object(
  {
    kind: Type.Enum(['moderator', 'ballot', 'person']),
    by: Type.String({ description: 'Whose it is.' }),
    participant_id: orNull(Id),
    choice: orNull(
      Type.String({ format: 'uuid', description: 'The participant it stands for; null: it does not count.' }),
    ),
    content: Type.String({ description: 'What was answered, up to 2,000 characters.' }),
    refused: orNull(
      Type.String({ description: 'Why it did not count: `names_nobody`, `names_several`, `names_oneself`, `failed`.' }),
    ),
  },
  { title: 'Proposal' },
);
export const Turn = Type.Object(
  {
    turn: Type.Integer(),
    participant_id: Id,
    name: Type.String(),
    reason: Type.String({ description: 'Why it was their turn.' }),
    proposals: Type.Array(Proposal, { description: 'What the choice came of, where somebody was asked or chose.' }),
    status: Type.Enum([...TURN_STATUSES]),
    attempts: Type.Integer(),
    error: orNull(Type.Object({ code: Type.String(), message: Type.String() })),
    message_id: orNull(Id),
    message_seq: orNull(Type.Integer({ description: "Its message's place in the log." })),
    time_to_first_token_ms: orNull(Type.Integer()),
    usage: Usage,
    started_at: Time,
    ended_at: orNull(Time),
  },
  { title: 'Turn' },
);
export const DiscussionParams = Type.Object({ discussion_id: Id });

export type CreateDiscussion = Static<typeof CreateDiscussion>;
export type Discussion = Static<typeof Discussion>;
export type DiscussionFacts = Static<typeof DiscussionFacts>;
export type Author = Static<typeof Author>;
export type By = Static<typeof By>;
export type Message = Static<typeof Message>;
export type MessageMetadata = Static<typeof MessageMetadata>;
export type ResumeDiscussion = Static<typeof ResumeDiscussion>;
export type Posted = Static<typeof Posted>;
export type Turn = Static<typeof Turn>;
export type Proposal = Static<typeof Proposal>;
export type AdvanceDiscussion = Static<typeof AdvanceDiscussion>;
export type TurnStatus = (typeof TURN_STATUSES)[number];
export type ContextFacts = Static<typeof ContextFacts>;
