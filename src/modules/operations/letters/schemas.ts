import { type Static, type TSchema, Type } from 'typebox';
import type { DeadLetterFilter, DeadLetter as Letter } from '../../../platform/dead-letters/dead-letters.ts';

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const id = () => Type.String({ format: 'uuid' });
const time = () => Type.String({ format: 'date-time' });

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
  error_code: nullable(
    Type.String({ description: '`crashes`: processes died with it. `timeout`, or what its handler said.' }),
  ),
  error_message: nullable(Type.String()),
  attempts: Type.Integer({ minimum: 0, description: 'Tries that failed, since it was last requeued.' }),
  crashes: Type.Integer({ minimum: 0, description: 'Processes that died with it, counted apart from `attempts`.' }),
  trace_id: nullable(Type.String({ description: 'The trace in which it was announced or enqueued.' })),
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
  type: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  stream: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
  from: Type.Optional(Type.String({ format: 'date-time', description: 'Left at this time or later.' })),
  to: Type.Optional(Type.String({ format: 'date-time', description: 'Left before this time.' })),
};

const MAX_IDS = 100;
const ids = Type.Optional(
  Type.Array(id(), { minItems: 1, maxItems: MAX_IDS, description: 'These; together with filters, those that match.' }),
);

export const RequeueBody = Type.Object({ ids, ...deadLetterFilters });
export type RequeueBody = Static<typeof RequeueBody>;

export const DiscardBody = Type.Object({
  ids,
  ...deadLetterFilters,
  all: Type.Optional(Type.Literal(true, { description: 'Needed where nothing else is named: all of them.' })),
});

export const Requeued = Type.Object({
  requeued: Type.Integer({ minimum: 0, description: 'Letters.' }),
  kept: Type.Integer({
    minimum: 0,
    description: 'Letters of jobs that stay where they are: an unfinished job has their key.',
  }),
});

export const Discarded = Type.Object({ discarded: Type.Integer({ minimum: 0, description: 'Letters.' }) });

type Asked = Static<typeof RequeueBody>;

/** A filter as it comes in. */
export const filterOf = ({ from, to, ...filter }: Asked): DeadLetterFilter => ({
  ...filter,
  ...(from !== undefined && { from: new Date(from) }),
  ...(to !== undefined && { to: new Date(to) }),
});

/** A letter as it goes out. */
export function summaryOf(letter: Letter): Static<typeof DeadLetterSummary> {
  const { id, source, group_name: group, stream, type, position, status, error_code, error_message } = letter;
  const { attempts, crashes, traceparent } = letter;
  return {
    ...{ id, source, group, stream, type, status, error_code, error_message, attempts, crashes },
    position: source === 'event' ? position : null,
    trace_id: traceparent?.split('-')[1] ?? null,
    created_at: letter.created_at.toISOString(),
    updated_at: letter.updated_at.toISOString(),
  };
}

export const letterOf = (letter: Letter): Static<typeof DeadLetter> => ({ ...summaryOf(letter), body: letter.body });
