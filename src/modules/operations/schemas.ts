import { type Static, type TSchema, Type } from 'typebox';
import type { DeadLetter as Letter } from '../../platform/events/dead-letters.ts';

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

export const eventFilters = {
  type: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'Events of this type only.' })),
  stream: Type.Optional(Type.String({ minLength: 1, maxLength: 300, description: 'Events of this stream only.' })),
};

const commaList = (what: string) =>
  Type.Optional(
    Type.String({ minLength: 1, maxLength: 5000, description: `${what}, separated by commas. Absent: all.` }),
  );

export const FollowQuery = Type.Object({
  streams: commaList('Streams'),
  types: commaList('Event types'),
});

/** What could not be handled, without its content. */
export const DeadLetterSummary = Type.Object({
  id: id(),
  source: Type.Union([Type.Literal('event'), Type.Literal('job')]),
  group: Type.String({ description: "The consumer's group, or the job's kind." }),
  stream: Type.String({ description: "The event's stream, or the job's key." }),
  type: Type.String({ description: "The event's type, or the job's kind." }),
  position: nullable(Type.Integer({ description: 'Where the event stands in the log; null for a job.' })),
  status: Type.Union([Type.Literal('failed'), Type.Literal('parked'), Type.Literal('requeued')], {
    description:
      'failed: it could not be handled. parked: it waits behind a failed one. requeued: being handled again.',
  }),
  error_code: nullable(Type.String()),
  error_message: nullable(Type.String()),
  attempts: Type.Integer({ minimum: 0 }),
  created_at: time(),
  updated_at: time(),
});

export const DeadLetter = Type.Object({
  ...DeadLetterSummary.properties,
  body: Type.Unknown({ description: "The event with its envelope, or the job's payload." }),
});

export const DeadLetterParams = Type.Object({ dead_letter_id: id() });

export const deadLetterFilters = {
  source: Type.Optional(DeadLetterSummary.properties.source),
  group: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  status: Type.Optional(DeadLetterSummary.properties.status),
};

export const RequeueBody = Type.Object({
  source: deadLetterFilters.source,
  group: deadLetterFilters.group,
});

export const Requeued = Type.Object({ requeued: Type.Integer({ minimum: 0, description: 'Letters.' }) });

/** A letter as it goes out. */
export function summaryOf(letter: Letter): Static<typeof DeadLetterSummary> {
  const { id, source, group_name: group, stream, type, position, status, error_code, error_message, attempts } = letter;
  return {
    ...{ id, source, group, stream, type, status, error_code, error_message, attempts },
    position: source === 'event' ? position : null,
    created_at: letter.created_at.toISOString(),
    updated_at: letter.updated_at.toISOString(),
  };
}

export const letterOf = (letter: Letter): Static<typeof DeadLetter> => ({ ...summaryOf(letter), body: letter.body });
