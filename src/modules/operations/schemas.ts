import { type TSchema, Type } from 'typebox';

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const id = () => Type.String({ format: 'uuid' });
const time = () => Type.String({ format: 'date-time' });

/** An event of the log, as `GET /events`, event streams and webhooks show it: CloudEvents 1.0 and ours beside it. */
export const Event = Type.Object({
  specversion: Type.Literal('1.0'),
  id: id(),
  source: Type.Literal('parley'),
  type: Type.String(),
  time: time(),
  subject: Type.String({ description: 'What it is about, usually an id.' }),
  datacontenttype: Type.Literal('application/json'),
  data: Type.Unknown({ description: 'As the schema of its type and version says (`contracts/events`).' }),
  dataversion: Type.Integer({ minimum: 1 }),
  tenantid: id(),
  stream: Type.String({ description: 'What it is ordered by, e.g. `discussions/{id}`.' }),
  position: Type.Integer({
    minimum: 1,
    description: 'Where it stands in the log. Grows; other tenants take positions, too.',
  }),
  epoch: Type.String({ description: 'Changes when positions start anew.' }),
  traceparent: Type.Optional(Type.String()),
});

/** An event as `GET /events/{id}` shows it. */
export const EventDetails = Type.Object({
  ...Event.properties,
  trace_id: nullable(Type.String({ description: 'Of `traceparent`: the trace in which it was announced.' })),
  cursor: Type.String({ description: 'Follow the log from here on: what came after it.' }),
});

export const EventParams = Type.Object({ event_id: id() });

const position = (description: string) => Type.Optional(Type.Integer({ minimum: 1, description }));

export const eventFilters = {
  type: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 5000,
      description: 'Events of this type only, or of these, separated by commas.',
    }),
  ),
  stream: Type.Optional(Type.String({ minLength: 1, maxLength: 300, description: 'Events of this stream only.' })),
  subject: Type.Optional(Type.String({ minLength: 1, maxLength: 300, description: 'Events about this only.' })),
  trace: Type.Optional(
    Type.String({
      pattern: '^[0-9a-fA-F]{32}$',
      description:
        'Events of this trace only, by its id. A page looks through 100,000 places of the log at most: it may be empty and yet have a `next_cursor`.',
    }),
  ),
  from: Type.Optional(Type.String({ format: 'date-time', description: 'Announced at this time or later.' })),
  to: Type.Optional(Type.String({ format: 'date-time', description: 'Announced before this time.' })),
  from_position: position('At this position or after it.'),
  to_position: position('At this position or before it.'),
  text: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description:
        'Events whose data holds this text, whatever its case. A page looks at 5,000 events at most: it may be empty and yet have a `next_cursor`.',
    }),
  ),
};

const commaList = (what: string) =>
  Type.Optional(
    Type.String({ minLength: 1, maxLength: 5000, description: `${what}, separated by commas. Absent: all.` }),
  );

export const FollowQuery = Type.Object({
  streams: commaList('Streams'),
  types: commaList('Event types'),
});
