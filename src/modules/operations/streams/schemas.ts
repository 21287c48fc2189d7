import { type Static, type TSchema, Type } from 'typebox';

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const count = (description: string) => Type.Integer({ minimum: 0, description });
const seconds = (description: string) => Type.Number({ minimum: 0, description });
const holder = nullable(
  Type.String({ format: 'uuid', description: 'The process, as in `processes`. Null: nobody now.' }),
);

const Shard = Type.Object({
  shard: Type.Integer({ minimum: 0 }),
  yours: Type.Boolean({ description: "Whether this tenant's events are in it." }),
  head: count('The newest position; 0: nothing yet. All tenants of the shard share them.'),
  oldest: nullable(Type.Integer({ minimum: 1, description: 'The first position that is still kept. Null: none.' })),
  outbox: Type.Object({
    events: count('Committed, and not yet in the log.'),
    age_seconds: seconds('Of the oldest of them.'),
  }),
  sequencer: holder,
});

const GroupShard = Type.Object({
  shard: Type.Integer({ minimum: 0 }),
  offset: count('Everything up to here has been handled or put aside. Saved once a second.'),
  lag_events: count('Positions after it.'),
  lag_seconds: seconds('Age of the first event after it.'),
  holder,
});

const Group = Type.Object({
  group: Type.String(),
  lag_events: count('Of all shards together.'),
  lag_seconds: seconds('Of the shard that is furthest behind.'),
  shards: Type.Array(GroupShard),
});

export const ProcessInfo = Type.Object({
  id: Type.String({ format: 'uuid' }),
  host: Type.String(),
  pid: Type.Integer(),
  roles: Type.Array(Type.String()),
  since: Type.String({ format: 'date-time' }),
  self: Type.Boolean({ description: 'Whether it is the one that answered.' }),
});

/** How far the log and its readers are. */
export const Streams = Type.Object(
  {
    epoch: Type.String(),
    shards: Type.Array(Shard),
    groups: Type.Array(Group),
    processes: Type.Array(ProcessInfo),
  },
  { title: 'Streams' },
);

export type Streams = Static<typeof Streams>;
