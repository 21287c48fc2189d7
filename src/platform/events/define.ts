import type { Static, TSchema } from 'typebox';

/** Streams are grouped into topics, which outside consumers subscribe to as a whole. */
export type Topic = 'identity' | 'models' | 'knowledge' | 'catalog' | 'orders' | 'agents' | 'discussions' | 'webhooks';

/** One version of one event type: its schema, an example, and how the version before becomes it. */
export type EventType<S extends TSchema = TSchema> = {
  readonly type: string;
  readonly version: number;
  readonly topic: Topic;
  readonly description: string;
  readonly schema: S;
  readonly example: Static<S>;
  /** Pure: turns the data of `version - 1` into this version's. Required from version 2 on. */
  readonly upcast?: (old: unknown) => Static<S>;
};

/** Declares an event type. `contracts/events/{type}_v{version}.json` is generated from it and compared. */
export function defineEvent<S extends TSchema>(definition: EventType<S>): EventType<S> {
  return definition;
}

/** An event that a transaction will write just before it commits. */
export type PendingEvent = {
  readonly id: string;
  readonly tenantId: string;
  readonly type: string;
  readonly version: number;
  readonly topic: Topic;
  /** The ordering key and live channel, e.g. `discussions/0192…`. */
  readonly stream: string;
  readonly subject: string;
  readonly data: unknown;
  readonly time: Date;
  readonly traceparent: string | undefined;
};

/** An event of the log: CloudEvents 1.0 attributes plus ours (DESIGN section 8). */
export type LogEvent<T = unknown> = {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: 'parley';
  readonly type: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly subject: string;
  readonly datacontenttype: 'application/json';
  readonly data: T;
  readonly dataversion: number;
  readonly tenantid: string;
  readonly stream: string;
  /** 1, 2, 3 … within the tenant's shard, without a hole. */
  readonly position: number;
  /** Changes when positions start anew (a restore). A cursor is `epoch.position`. */
  readonly epoch: string;
  readonly traceparent?: string;
};
