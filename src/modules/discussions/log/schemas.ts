import { type Static, Type } from 'typebox';
import {
  Author,
  CreateDiscussion,
  DiscussionFacts,
  MAX_MESSAGES,
  messageFields,
  orNull,
  Time,
  Turn,
  Usage,
} from '../schemas.ts';

const { topic, policy, limits, on_post, memory, start } = CreateDiscussion.properties;

export const ForkDiscussion = Type.Object(
  {
    seq: Type.Integer({
      minimum: 1,
      maximum: MAX_MESSAGES,
      description: 'The last message that the new discussion takes over.',
    }),
    topic: Type.Optional(topic),
    ...{ policy, limits, on_post, memory, start },
  },
  { title: 'ForkDiscussion', additionalProperties: false },
);
export type ForkDiscussion = Static<typeof ForkDiscussion>;

export const ExportQuery = Type.Object({
  format: Type.Enum(['markdown', 'json'], { default: 'markdown', description: 'What the file is.' }),
});
export type ExportFormat = Static<typeof ExportQuery>['format'];

const { id, content, turn, time_to_first_token_ms, duration_ms } = messageFields;

const Entry = Type.Object(
  {
    entry: Type.Integer({ description: '1, 2, 3 … within the discussion, without a hole.' }),
    id,
    kind: Type.Enum(['message', 'proposal', 'ballot', 'turn_end'], {
      description:
        '`message`: something was said. `proposal`: a moderator was asked who speaks in this turn, or a person said so. ' +
        '`ballot`: a participant was asked. `turn_end`: a turn ended without a message.',
    }),
    seq: orNull(Type.Integer({ description: 'Messages only: 1, 2, 3 … without a hole.' })),
    turn,
    author: Author,
    content,
    metadata: Type.Record(Type.String(), Type.Unknown(), {
      description:
        'A message’s as in the list of messages; of a proposal `choice {participantId, reason}`, of a ballot `vote` (a ' +
        'participant’s id or null), of both `refused` (why it did not count, or null); of a turn’s end `outcome`.',
    }),
    usage: Usage,
    time_to_first_token_ms,
    duration_ms,
    created_at: Time,
  },
  { title: 'ExportedEntry' },
);

/** A discussion as a JSON file: everything of its log, as it stood at one moment. */
export const DiscussionExport = Type.Object(
  {
    format: Type.Literal('parley.discussion'),
    version: Type.Literal(1),
    exported_at: Time,
    discussion: DiscussionFacts,
    entries: Type.Array(Entry, { description: 'The whole log, in order.' }),
    turns: Type.Array(Turn, { description: 'Every turn that has begun, in order.' }),
  },
  { title: 'DiscussionExport' },
);
export type ExportedEntry = Static<typeof Entry>;
