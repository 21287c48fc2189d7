import type { LogEvent } from '../events/define.ts';
import type { Wire } from './frames.ts';

/** A frame that is not in the log: it carries no SSE id, and is lost to whoever was not there. */
export type LiveFrame = { readonly event: string; readonly data: unknown };

/** Where a subscriber stands in its tenant's log; on the wire `epoch.position`. */
export type Cursor = { readonly epoch: string; readonly position: number };

export type Subscription = {
  readonly tenantId: string;
  /** Who follows, for `revoke`. `sessionId` only where a user does. */
  readonly actorId: string;
  readonly sessionId?: string;
  /** Streams to follow, e.g. `discussions/0192…`; `undefined` follows everything of the tenant. */
  readonly streams?: readonly string[];
  /** Event types to let through; `undefined` means all. */
  readonly types?: readonly string[];
  /** Events after this cursor. Absent: from now on. */
  readonly from?: Cursor;
  /** Called once, when the subscriber has been filled up to the hub's position and before live frames flow. */
  readonly onJoin?: () => readonly LiveFrame[];
  /** How its frames are written. Default: as server-sent events. */
  readonly wire?: Wire;
  /** False: a connection carries several subscriptions, and this one does not count as a connection. */
  readonly counts?: boolean;
  /** Takes an encoded frame, shared by all subscribers; answers false when the subscriber is too far behind. */
  readonly sink: (frame: Buffer) => boolean;
  /** Whether it has been given enough for now, so that a page ends here for it. Absent: never. */
  readonly full?: () => boolean;
  /** Awaited between pages while the subscriber is filled from the log: resolves when it has taken what it was sent. */
  readonly drained?: () => Promise<void>;
  /**
   * The subscription ended: too slow, revoked, or the hub is stopping. What is after `at` has not been sent. Not called
   * after `close()`.
   */
  readonly onEnd: (reason: 'slow' | 'revoked' | 'stopping', at: Cursor) => void;
};

/** How the live frames of a topic stay whole where several processes serve. */
export type LiveTopic = {
  /** A frame that another process published, before its subscribers here get it. Answers whether they are to have it. */
  heard(frame: Addressed): boolean;
  /** A frame that tells anew where a stream stands that this process speaks on; undefined when it does not. */
  state(tenantId: string, stream: string): LiveFrame | undefined;
};

export type Addressed = LiveFrame & { readonly tenantId: string; readonly stream: string };

/** One tail a process, many subscribers. */
export interface Hub {
  /** Resolves when the subscriber has caught up and flows live. */
  subscribe(subscription: Subscription): Promise<{ close(): void }>;
  /** Sends a live-only frame to the subscribers of a stream, in every process. */
  publish(tenantId: string, stream: string, frame: LiveFrame): void;
  /**
   * What is published on this stream comes after this event. Only for one that another process may have announced: of
   * those of this process it is known.
   */
  expect(tenantId: string, stream: string, eventId: string): void;
  /** What is to happen with the live frames of a topic, `discussions` in `discussions/…`. Before `start`. */
  across(topic: string, live: LiveTopic): void;
  /** Asks whoever speaks on this stream, in another process, for its state: `heard` is given it. */
  ask(tenantId: string, stream: string): void;
  /** The tenant's newest position, for snapshots: read it before the rows, return it with them. */
  cursor(tenantId: string): Promise<Cursor>;
  /** Ends every subscription in this process of a session, an API key or a user. Other processes hear of it by `tap`. */
  revoke(match: { tenantId: string; actorId?: string; sessionId?: string }): void;
  /**
   * Calls `fn` with every event of these types, of any tenant, as this process's tails deliver it: how caches that
   * are dropped through the log hear of a change. `fn` must be quick and not throw. Answers how to stop.
   */
  tap(types: readonly string[], fn: (event: LogEvent) => void): () => void;
  /** Milliseconds since the tails were last seen to be at the head of the log; Infinity before that. */
  lagMs(): number;
  /** How many connections of a tenant follow something in this process. */
  connections(tenantId: string): number;
}

export type { LogEvent };
