import { type Static, Type } from 'typebox';
import { TurnContext } from '../memory/schemas.ts';

const Id = Type.String({ format: 'uuid' });
const Time = Type.String({ format: 'date-time' });

export const MAX_SEAT_NAME = 64;
/** Ten years: no longer than any other key. */
const MAX_KEY_DAYS = 3_650;

export const SeatParticipant = Type.Object(
  {
    seat: Type.Object(
      {
        name: Type.String({
          minLength: 1,
          maxLength: MAX_SEAT_NAME,
          pattern: '^[^\\u0000-\\u001f\\u007f]*$',
          description: 'Unique within the discussion, without regard to case.',
        }),
      },
      { additionalProperties: false },
    ),
  },
  {
    additionalProperties: false,
    title: 'SeatParticipant',
    description: 'An outside client, which gets a key of its own: `POST …/participants/{participant_id}/key`.',
  },
);

/** What a message says beside its content, to end a turn that was claimed. */
export const seatTurnFields = {
  turn: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 2_147_483_647,
      description: 'Ends this turn, which was claimed. Only with `fence`; a seat’s turn ends in no other way.',
    }),
  ),
  fence: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 2_147_483_647, description: 'What the newest claim of the turn gave.' }),
  ),
};

export const SeatParams = Type.Object({ discussion_id: Id, participant_id: Id });
export const CreateSeatKey = Type.Object(
  {
    expires_in_days: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_KEY_DAYS,
        description: 'Absent: it ends only by being replaced or revoked.',
      }),
    ),
  },
  { title: 'CreateSeatKey', additionalProperties: false },
);
export const SeatKey = Type.Object(
  {
    key: Type.String({ description: 'Shown this once. Send it as `Authorization: Bearer …`.' }),
    key_id: Type.String({ format: 'uuid', description: 'It stands among the API keys under this id.' }),
    participant_id: Id,
    expires_at: Type.Union([Time, Type.Null()]),
  },
  { title: 'SeatKey' },
);

export const TurnParams = Type.Object({
  discussion_id: Id,
  turn: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
});
export const Claim = Type.Object(
  {
    turn: Type.Integer(),
    fence: Type.Integer({ description: 'Post with it. A later claim gives a higher one, and this one is dead.' }),
    deadline: Type.String({ format: 'date-time', description: 'When the turn passes on without a message.' }),
    context: TurnContext,
  },
  { title: 'Claim' },
);

export type CreateSeatKey = Static<typeof CreateSeatKey>;
export type SeatKey = Static<typeof SeatKey>;
export type Claim = Static<typeof Claim>;
export type TurnHeld = { readonly turn: number; readonly fence: number };
