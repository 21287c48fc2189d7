import { type Static, type TProperties, type TSchema, Type } from 'typebox';
import { defineEvent, type EventType } from '../../platform/events/define.ts';

const Id = Type.String({ format: 'uuid' });
const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const By = Type.Object({ kind: Type.Enum(['user', 'api_key', 'system']), id: Type.String(), name: Type.String() });

const DISCUSSION = '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b11';
const PARTICIPANT = '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b12';
const MESSAGE = '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b13';
const by = { kind: 'user', id: '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b14', name: 'Ada Lovelace' } as const;

/** Ids and facts; what was said stays in the messages. */
const event = <P extends TProperties>(type: string, description: string, fields: P, example: object) =>
  defineEvent({
    type,
    version: 1,
    topic: 'discussions',
    description,
    schema: Type.Object({ discussion_id: Id, ...fields }),
    example: { discussion_id: DISCUSSION, ...example } as never,
  });

/** The next version of an event that only takes more values than before: what was kept is good as it is. */
const widened = <S extends TSchema>(type: EventType<S>): EventType<S> => ({
  ...type,
  version: 2,
  upcast: (old) => old as Static<S>,
});

const turnFields = {
  turn: Type.Integer({ minimum: 1 }),
  participant_id: Id,
  name: Type.String({ description: "The participant's name." }),
};
const turn = { turn: 3, participant_id: PARTICIPANT, name: 'critic' };

export const discussionStarted = event('discussion_started', 'A discussion began.', { by: By }, { by });

const turnStartedBy = <K extends string>(kinds: K[]) =>
  event(
    'turn_started',
    'Somebody has the turn. Again, with a higher attempt, when the turn is begun anew.',
    {
      ...turnFields,
      kind: Type.Enum(kinds),
      attempt: Type.Integer({ minimum: 1 }),
      reason: Type.String({ description: 'Why it is their turn, in a sentence.' }),
    },
    { ...turn, kind: 'agent', attempt: 1, reason: 'Next in order after advocate.' },
  );
/** Before there were seats. */
const turnStartedV1 = turnStartedBy(['agent', 'user']);
export const turnStarted = widened(turnStartedBy(['agent', 'user', 'seat']));

const messagePostedBy = <K extends string>(kinds: K[]) =>
  event(
    'message_posted',
    'A message was added. Its text is read from the messages, after this seq.',
    {
      message_id: Id,
      seq: Type.Integer({ minimum: 1 }),
      turn: orNull(Type.Integer({ minimum: 1 })),
      author_kind: Type.Enum(kinds),
      participant_id: orNull(Id),
      name: Type.String(),
      length: Type.Integer({ minimum: 0, description: 'UTF-16 units.' }),
      finish_reason: orNull(Type.String()),
      input_tokens: Type.Integer({ minimum: 0 }),
      output_tokens: Type.Integer({ minimum: 0 }),
      cost_nano_usd: orNull(Type.Integer({ minimum: 0 })),
    },
    {
      message_id: MESSAGE,
      seq: 4,
      turn: 3,
      author_kind: 'agent',
      participant_id: PARTICIPANT,
      name: 'critic',
      length: 412,
      finish_reason: 'stop',
      input_tokens: 1210,
      output_tokens: 96,
      cost_nano_usd: 412000,
    },
  );
/** Before there were seats. */
const messagePostedV1 = messagePostedBy(['agent', 'user', 'system']);
export const messagePosted = widened(messagePostedBy(['agent', 'user', 'seat', 'system']));

export const turnFailed = event(
  'turn_failed',
  'An attempt at a turn failed. `retry_in_ms` is null when it is not tried again by itself.',
  {
    ...turnFields,
    attempt: Type.Integer({ minimum: 1 }),
    code: Type.String(),
    retry_in_ms: orNull(Type.Integer({ minimum: 0 })),
  },
  { ...turn, attempt: 1, code: 'model_rate_limited', retry_in_ms: 1000 },
);

export const turnSkipped = event(
  'turn_skipped',
  'A turn ended without a message.',
  { ...turnFields, reason: Type.Enum(['advanced', 'failed', 'timeout', 'interrupted']) },
  { ...turn, reason: 'timeout' },
);

export const choiceAwaited = event(
  'choice_awaited',
  'Nobody has the turn: a person has to name who speaks next (`advance` with `next_speaker`).',
  { turn: Type.Integer({ minimum: 1 }) },
  { turn: 4 },
);

export const discussionPaused = event(
  'discussion_paused',
  'A discussion stands until it is resumed. `reason` is `requested`, or the code of the failure.',
  { reason: Type.String(), by: orNull(By) },
  { reason: 'requested', by },
);
export const discussionResumed = event('discussion_resumed', 'A paused discussion goes on.', { by: By }, { by });
export const discussionCancelled = event('discussion_cancelled', 'Somebody ended a discussion.', { by: By }, { by });
export const discussionCompleted = event(
  'discussion_completed',
  'A discussion ended: by one of its limits, by its policy (`verdict`, `no_verdict`, `end_of_graph`), or (`failed`) because every turn failed.',
  { status: Type.Enum(['completed', 'failed']), reason: Type.String() },
  { status: 'completed', reason: 'max_turns' },
);

export const DISCUSSION_EVENTS: readonly EventType[] = [
  discussionStarted,
  turnStartedV1,
  turnStarted,
  messagePostedV1,
  messagePosted,
  turnFailed,
  turnSkipped,
  choiceAwaited,
  discussionPaused,
  discussionResumed,
  discussionCancelled,
  discussionCompleted,
];
