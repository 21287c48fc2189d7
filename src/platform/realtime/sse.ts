import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { Ctx } from '../context.ts';
import { AppError } from '../http/errors.ts';
import type { Following } from '../http/router.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { parseCursor } from './cursor.ts';
import type { Cursor, Hub } from './hub.ts';

type FollowOptions = {
  readonly hub: Hub;
  readonly reply: FastifyReply;
  readonly following: Following;
  /** `Last-Event-ID`, or `?cursor=`: `epoch.position` as the client said it. */
  readonly lastEventId: string | undefined;
  readonly ctx: Ctx;
  /** When the caller's credentials end, in Unix milliseconds. */
  readonly expiresAtMs: number | undefined;
};

export type EventStreams = {
  /**
   * Streams a part of the log as server-sent events until one of the two ends it. Throws AppError `invalid_cursor`,
   * before anything is sent, for a cursor that is none; one that cannot be continued gets a `reset` frame.
   */
  readonly follow: (options: FollowOptions) => Promise<void>;
};

export type StreamLimits = {
  /** Bytes that may wait for a client before its connection is cut; it resumes where it was. */
  readonly maxQueuedBytes: number;
  readonly heartbeatMs: number;
  /** A connection ends after this long, at random between the two, so that the client is authenticated anew. */
  readonly lifeMs: readonly [number, number];
  /** `retry:`, in milliseconds, at random between the two. */
  readonly retryMs: readonly [number, number];
};

const LIMITS: StreamLimits = {
  maxQueuedBytes: 1024 * 1024,
  heartbeatMs: 15_000,
  lifeMs: [300_000, 600_000],
  retryMs: [500, 1500],
};

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** An ended stream whose client does not take the rest is cut after this long. */
const CUT_MS = 500;

const HEARTBEAT = Buffer.from(':\n\n');

const between = ([from, to]: readonly [number, number]) => Math.round(from + Math.random() * (to - from));

export function createEventStreams({
  metrics,
  limits = LIMITS,
}: {
  metrics?: Metrics;
  limits?: StreamLimits;
}): EventStreams {
  const open = new Set<ServerResponse>();
  metrics?.gauge({
    name: 'sse_queued_bytes',
    help: 'Bytes that wait in this process for the clients of event streams.',
    collect: (gauge) => gauge.set([...open].reduce((sum, { writableLength }) => sum + writableLength, 0)),
  });
  return {
    async follow(options) {
      const from = startOf(options);
      const { reply } = options;
      const { raw } = reply;
      if (raw.destroyed) return;
      openStream(reply, limits);
      open.add(raw);
      try {
        await pump({ ...options, raw, from, limits });
      } finally {
        open.delete(raw);
      }
    },
  };
}

function startOf({ lastEventId, following }: FollowOptions): Cursor | undefined {
  if (lastEventId === undefined) return following.from;
  const cursor = parseCursor(lastEventId);
  if (cursor === undefined) throw new AppError('invalid_cursor');
  return cursor;
}

/** Takes the response over from Fastify and sends its head at once, so that the client knows it is connected. */
function openStream(reply: FastifyReply, limits: StreamLimits): void {
  const headers = reply.getHeaders();
  reply.hijack();
  const { raw } = reply;
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200, HEADERS);
  raw.socket?.setNoDelay(true);
  raw.write(`retry: ${between(limits.retryMs)}\n\n`);
}

type Pump = FollowOptions & {
  readonly raw: ServerResponse;
  readonly from: Cursor | undefined;
  readonly limits: StreamLimits;
};

/** Resolves when the connection is closed, whoever closed it. */
async function pump({ hub, raw, ctx, following, from, limits, expiresAtMs }: Pump): Promise<void> {
  const closed = new Promise<void>((resolve) => raw.once('close', resolve));
  const heartbeat = setInterval(() => raw.writableNeedDrain || raw.write(HEARTBEAT), limits.heartbeatMs);
  const lifeMs = Math.min(between(limits.lifeMs), (expiresAtMs ?? Infinity) - Date.now());
  const life = setTimeout(() => finish(raw, 'expired', limits), Math.max(0, lifeMs));
  let subscription: { close(): void } | undefined;
  try {
    const subscribing = hub.subscribe({
      tenantId: ctx.tenantId,
      actorId: ctx.actor.id,
      ...(ctx.actor.kind === 'user' && { sessionId: ctx.actor.sessionId }),
      ...following,
      ...(from && { from }),
      sink: (frame) => {
        if (raw.destroyed || raw.writableLength > limits.maxQueuedBytes) return false;
        if (raw.writableEnded) return true;
        raw.write(frame);
        return true;
      },
      full: () => raw.writableLength > limits.maxQueuedBytes / 4,
      drained: () => drained(raw),
      onEnd: (reason) => finish(raw, reason, limits),
    });
    subscribing.then(
      (joined) => {
        subscription = joined;
        if (raw.destroyed) joined.close();
      },
      // The head is out, so an error cannot be told any more: the client comes back with its cursor.
      () => raw.destroy(),
    );
    await closed;
  } finally {
    clearInterval(heartbeat);
    clearTimeout(life);
    subscription?.close();
  }
}

function finish(raw: ServerResponse, reason: 'slow' | 'revoked' | 'stopping' | 'expired', limits: StreamLimits): void {
  // What waits for a slow client would only be sent after everything else: it is dropped, and read again on resuming.
  if (reason === 'slow') {
    raw.destroy();
    return;
  }
  if (reason !== 'stopping') raw.end();
  // All clients of a stopping process must not come back in the same moment.
  else raw.end(`retry: ${between([limits.retryMs[0], 2 * limits.retryMs[1]])}\n\n`);
  // One that does not read would keep the connection open.
  const cut = setTimeout(() => raw.destroy(), CUT_MS);
  raw.once('close', () => clearTimeout(cut));
}

/** Resolves when what was written has been taken, or there is nobody to take it. */
export function drained(raw: Writable): Promise<void> {
  if (!raw.writableNeedDrain || raw.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      raw.off('drain', done);
      raw.off('close', done);
      resolve();
    };
    raw.once('drain', done);
    raw.once('close', done);
  });
}
