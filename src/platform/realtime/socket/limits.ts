export type SocketLimits = {
  /** Bytes of one message of a client. */
  readonly maxMessageBytes: number;
  /** Bytes that may wait for a client before its connection is closed; it resumes where it was. */
  readonly maxQueuedBytes: number;
  /** Channels of one connection. */
  readonly maxChannels: number;
  /** Messages of a client: so many at once, and so many a second. Who goes on after twice that is cut off. */
  readonly messageBurst: number;
  readonly messagesPerSecond: number;
  /** Messages that wait until those before them have been answered. */
  readonly maxWaiting: number;
  /** A client says who it is within this time. */
  readonly authMs: number;
  /** A client that has not answered a ping when the next one is due is gone. */
  readonly pingMs: number;
  /**
   * Credentials are looked at again after this long, at random between the two, beside whenever they end. A connection
   * that was opened by a ticket, which cannot be asked about again, ends then.
   */
  readonly recheckMs: readonly [number, number];
  /** After a close, the client's own is waited for so long. */
  readonly closeMs: number;
  /** How often the times above are looked at. */
  readonly tickMs: number;
  /** Connections that have not said yet who they are, in this process, and of one address. */
  readonly maxPending: number;
  readonly maxPendingPerAddress: number;
  /** When clients of a stopping process are to come back, in milliseconds, at random between the two. */
  readonly retryMs: readonly [number, number];
};

export const SOCKET_LIMITS: SocketLimits = {
  maxMessageBytes: 64 * 1024,
  maxQueuedBytes: 1024 * 1024,
  maxChannels: 100,
  // A client with all its channels comes back with 101 messages at once.
  messageBurst: 200,
  messagesPerSecond: 20,
  maxWaiting: 400,
  authMs: 5_000,
  pingMs: 25_000,
  recheckMs: [300_000, 600_000],
  closeMs: 3_000,
  tickMs: 250,
  maxPending: 5_000,
  maxPendingPerAddress: 1_000,
  retryMs: [500, 3_000],
};

/** Why a connection is closed by us. 1000 to 1015 are the protocol's own. */
export const CLOSE = {
  tooBig: 1009,
  stopping: 1012,
  tryLater: 1013,
  unauthenticated: 4401,
  forbidden: 4403,
  slow: 4408,
  tooMany: 4429,
} as const;
