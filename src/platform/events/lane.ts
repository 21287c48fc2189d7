import { uuidv7 } from '../../lib/ids.ts';
import type { Db } from '../db/queries.ts';
import type { Lease } from '../leases/leases.ts';
import { systemCtx } from '../system-ctx.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Tracer } from '../telemetry/trace.ts';
import type { Consumer } from './consumer.ts';
import type { LogEvent } from './define.ts';
import type { Feed } from './feed.ts';
import { deduped, type Take } from './middleware/dedupe.ts';
import { Fenced } from './middleware/delivery.ts';
import { Exhausted, type RetryOptions, retried } from './middleware/retry.ts';
import { timed } from './middleware/timeout.ts';
import { traced } from './middleware/trace.ts';
import type { EventTypes } from './registry.ts';
import * as q from './sql.ts';

export type LaneDeps = {
  readonly db: Db;
  readonly feed: Feed;
  readonly tracer: Tracer;
  readonly log: Logger;
  readonly types: EventTypes;
  readonly consumer: Consumer;
  readonly shard: number;
  readonly lease: Lease;
  /** Shared by all lanes of the process: each handler takes a connection. */
  readonly slot: <T>(work: () => Promise<T>) => Promise<T>;
  readonly retry: Omit<RetryOptions, 'maxAttempts'>;
  /** Something ended, so that `pump` may find more to take. */
  readonly onProgress: () => void;
  readonly meter: LaneMeter;
};

/** What is counted of a group's work. */
export type LaneMeter = {
  /** An event had its effect, or (not `fresh`) had had it before: the inbox said so. */
  handled(fresh: boolean, seconds: number): void;
  /** An event waits behind one that failed. */
  parked(): void;
  /** An event could not be handled, and is a dead letter now. */
  buried(): void;
  /** A process died with an event. */
  crashed(): void;
};

/** Events that may be under way beyond the first unfinished one; a stream that retries holds the others back only then. */
const WINDOW = 256;
const PAGE = 100;
const TIMEOUT_MS = 10_000;
const MAX_ATTEMPTS = 5;
/** With the tries before it. */
const SLOW_MS = 1_000;
/** An event with which so many processes died is put aside untried. */
const MAX_CRASHES = 3;

const keyOf = (tenantId: string, stream: string) => `${tenantId}/${stream}`;

/**
 * One group's way through one shard, under a lease: in order within a stream, side by side across streams. A stream
 * whose event failed for good is parked, and what follows on it is put aside behind it until somebody requeues or
 * discards it; other streams go on.
 */
export class Lane {
  readonly #d: LaneDeps;
  readonly #types: ReadonlySet<string>;
  readonly #abort = new AbortController();
  readonly #signal: AbortSignal;
  readonly #parked = new Set<string>();
  /** Positions under way, ascending, with the time of their announcement. */
  readonly #pending = new Map<number, string>();
  readonly #queues = new Map<string, (() => Promise<void>)[]>();
  readonly #active = new Set<Promise<void>>();
  readonly #draining = new Set<string>();
  #ready = false;
  #closed = false;
  #next = 0;
  /** When the newest event that was taken was announced. */
  #takenAt: string | undefined;
  #saved = 0;
  /** Up to here events are tried one by one, each noted before: the process before this one died among them. */
  #carefulTo = 0;

  constructor(deps: LaneDeps) {
    this.#d = deps;
    this.#types = new Set(deps.consumer.types.map(({ type }) => type));
    this.#signal = AbortSignal.any([deps.lease.signal, this.#abort.signal]);
  }

  get group(): string {
    return this.#d.consumer.group;
  }
  get shard(): number {
    return this.#d.shard;
  }
  get closed(): boolean {
    return this.#closed || this.#signal.aborted;
  }
  /** Everything up to here has been handled or put aside. */
  get seenTo(): number {
    const first = this.#pending.keys().next();
    return (first.done ? this.#next : first.value) - 1;
  }
  /** Since when the oldest event that has not been handled has been there, in Unix milliseconds. */
  get behindSince(): number | undefined {
    if (this.lag === 0) return undefined;
    const [pending] = this.#pending.values();
    // One that memory does not reach back to is newer than the last one that was taken.
    const time = pending ?? this.#d.feed.recent(this.shard, this.#next - 1)?.[0]?.time ?? this.#takenAt;
    return time === undefined ? undefined : Date.parse(time);
  }
  get lag(): number {
    return this.#ready ? Math.max(0, this.#d.feed.head(this.shard) - this.seenTo) : 0;
  }
  get unsaved(): q.SeenTo | undefined {
    if (!this.#ready || this.#d.lease.signal.aborted || this.seenTo <= this.#saved) return undefined;
    return { group: this.group, shard: this.shard, fence: this.#d.lease.fence, position: this.seenTo };
  }
  saved(position: number): void {
    this.#saved = Math.max(this.#saved, position);
  }

  /** Takes what has become available, as far as the window allows. One call at a time. */
  async pump(): Promise<void> {
    if (this.closed || (!this.#ready && !(await this.#begin()))) return;
    while (!this.closed && this.#pending.size < this.#window() && this.#next <= this.#d.feed.head(this.shard)) {
      const events = await this.#d.feed.read(this.shard, this.#next - 1, PAGE);
      if (events.length === 0) return;
      for (const event of events) {
        if (this.#pending.size >= this.#window()) return;
        this.#accept(event);
      }
    }
  }

  /** Whether `pump` would find something to take. */
  get hungry(): boolean {
    if (this.closed) return false;
    if (!this.#ready) return true;
    return this.#pending.size < this.#window() && this.#next <= this.#d.feed.head(this.shard);
  }

  get busy(): boolean {
    return this.#active.size > 0;
  }

  /** Resolves when what is under way now has ended. */
  async calm(): Promise<void> {
    while (this.#active.size > 0) await Promise.all(this.#active);
  }

  /** Takes nothing more. What is under way may end; `abort` ends it without effect. */
  close(abort = false): void {
    this.#closed = true;
    if (abort) this.#abort.abort(new Error('The consumer is stopping'));
  }

  #window(): number {
    return this.#next <= this.#carefulTo ? 1 : WINDOW;
  }

  async #begin(): Promise<boolean> {
    const { db, lease, log } = this.#d;
    const place = await db.system.first(q.takePlace(this.group, this.shard, lease.fence));
    if (!place) {
      this.close();
      return false;
    }
    if (place.position > place.before)
      log.warn('a consumer missed events: they were dropped from the log before it had seen them', {
        group: this.group,
        shard: this.shard,
        count: place.position - place.before,
      });
    await db.system.run(q.reviveLetters(this.group, this.shard, MAX_CRASHES));
    const keys = await db.system.all(q.parkedKeys(this.group, this.shard));
    for (const { tenant_id, stream } of keys) this.#parked.add(keyOf(tenant_id, stream));
    this.#next = place.position + 1;
    this.#saved = place.position;
    this.#carefulTo = lease.crashed ? place.position + WINDOW : 0;
    this.#ready = true;
    // Nothing blocks them any more: the process before this one died between two of a stream.
    for (const { blocked, ...key } of keys) if (!blocked) this.drain(key);
    return true;
  }

  #accept(event: LogEvent): void {
    this.#next = event.position + 1;
    this.#takenAt = event.time;
    if (!this.#types.has(event.type) || this.#d.consumer.skips?.(event)) return;
    this.#pending.set(event.position, event.time);
    this.#enqueue(keyOf(event.tenantid, event.stream), async () => {
      await this.#process(event);
      this.#pending.delete(event.position);
    });
  }

  /** Work of one stream is done in order. */
  #enqueue(key: string, work: () => Promise<void>): void {
    const queue = this.#queues.get(key);
    if (queue) {
      queue.push(work);
      return;
    }
    const own = [work];
    this.#queues.set(key, own);
    const run = async () => {
      for (let next = own[0]; next && !this.#signal.aborted; next = own[0]) {
        await next();
        own.shift();
      }
      this.#queues.delete(key);
    };
    const running: Promise<void> = run()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#active.delete(running);
        this.#d.onProgress();
      });
    this.#active.add(running);
  }

  /** Nothing of this shard can go on: another holder will, from the saved offset, and the inbox tells it what is done. */
  #failed(error: unknown): void {
    const { log } = this.#d;
    if (!this.#signal.aborted && !(error instanceof Fenced))
      log.error('a consumer stopped', { group: this.group, shard: this.shard, error });
    this.close(true);
  }

  async #process(event: LogEvent): Promise<void> {
    const key = keyOf(event.tenantid, event.stream);
    if (this.#parked.has(key)) {
      await this.#park(event, undefined);
      return;
    }
    const crashes = event.position <= this.#carefulTo ? await this.#crashes(event) : 0;
    if (crashes > 0) this.#d.meter.crashed();
    if (crashes >= MAX_CRASHES - 1) {
      await this.#park(event, new Exhausted(MAX_CRASHES, new Crashed()));
      return;
    }
    const receipt = this.#receipt(event);
    const failure = await this.#handle(event, (tx) => tx.first(q.receive(receipt)));
    if (failure) await this.#park(event, failure);
  }

  async #crashes(event: LogEvent): Promise<number> {
    const row = await this.#d.db.system.first(q.noteTrying(this.#receipt(event)));
    return row?.crashes ?? 0;
  }

  /** Answers why the event could not be handled; throws when it is not the event's fault. */
  async #handle(event: LogEvent, take: Take): Promise<Exhausted | undefined> {
    const { consumer, db, tracer, slot, retry, log, meter } = this.#d;
    const begunMs = performance.now();
    let fresh = true;
    const onRepeat = () => {
      fresh = false;
    };
    const once = timed(traced(deduped({ db, consumer, take, onRepeat }), tracer), consumer.timeoutMs ?? TIMEOUT_MS);
    const handle = retried((delivery) => slot(() => once(delivery)), {
      maxAttempts: consumer.maxAttempts ?? MAX_ATTEMPTS,
      ...retry,
    });
    const ctx = systemCtx({
      tenantId: event.tenantid,
      id: this.group,
      requestId: event.id,
      signal: this.#signal,
      traceparent: event.traceparent,
    });
    try {
      await handle({ event, group: this.group, ctx });
      const durationMs = performance.now() - begunMs;
      meter.handled(fresh, durationMs / 1000);
      const trace = { trace_id: ctx.trace.traceId, duration_ms: Math.round(durationMs * 100) / 100 };
      const fields = { ...this.#fields(event), ...trace };
      // Thousands a second at times: a line for each costs 4 % of a core, and says little while all is well.
      if (!fresh) log.info('an event had been handled before', fields);
      else if (durationMs >= SLOW_MS) log.info('an event was handled slowly', fields);
      else log.debug('an event was handled', fields);
      return undefined;
    } catch (error) {
      if (error instanceof Exhausted) return error;
      throw error;
    }
  }

  async #park(event: LogEvent, failure: Exhausted | undefined): Promise<void> {
    const { db, log } = this.#d;
    const { stream, type } = event;
    if (failure) {
      log.error('an event could not be handled; its stream is parked', { ...this.#fields(event), error: failure });
      this.#parked.add(keyOf(event.tenantid, stream));
      this.#d.meter.buried();
    } else this.#d.meter.parked();
    const died = failure?.cause instanceof Crashed;
    const counts = died ? { attempts: 0, crashes: MAX_CRASHES } : { attempts: failure?.attempts ?? 0, crashes: 0 };
    const reason = failure && { ...describe(failure), ...counts };
    const letter = { id: uuidv7(), stream, type, event, traceparent: event.traceparent, failure: reason };
    await db.system.run(q.park({ ...this.#receipt(event), ...letter }));
  }

  /** Handles what was put aside of a stream again, in order, until it is empty or one fails. */
  drain(key: q.Key): void {
    const name = keyOf(key.tenant_id, key.stream);
    if (!this.#ready || this.closed || this.#draining.has(name)) return;
    this.#draining.add(name);
    this.#parked.add(name);
    this.#enqueue(name, () => this.#drain(key).finally(() => this.#draining.delete(name)));
  }

  async #drain(key: q.Key): Promise<void> {
    const { db, types } = this.#d;
    for (;;) {
      const letter = await db.system.first(q.firstLetter(this.group, key));
      if (letter === undefined) {
        this.#parked.delete(keyOf(key.tenant_id, key.stream));
        return;
      }
      if (letter.status === 'failed') {
        await db.system.run(q.parkBehind(this.group, key));
        return;
      }
      if ((await db.system.run(q.beginLetter(key.tenant_id, letter.id))) === 0) continue;
      const event = types.upgrade(letter.body as LogEvent);
      const receipt = this.#receipt(event);
      const failure = await this.#handle(event, (tx) => tx.first(q.takeLetter(receipt, letter.id))).catch(
        async (error: unknown) => {
          if (this.#abort.signal.aborted) await db.system.run(q.resumeLetter(key.tenant_id, letter.id));
          throw error;
        },
      );
      if (failure === undefined) continue;
      const reason = { id: letter.id, ...describe(failure), attempts: failure.attempts };
      await db.system.run(q.failAgain(this.group, key, reason));
      this.#d.meter.buried();
      return;
    }
  }

  #receipt({ tenantid: tenantId, position }: LogEvent): q.Receipt {
    return { tenantId, group: this.group, shard: this.shard, fence: this.#d.lease.fence, position };
  }

  #fields({ id, type, stream, tenantid, position }: LogEvent) {
    const { group, shard } = this;
    return { group, shard, event_id: id, event_type: type, stream, tenant_id: tenantid, position };
  }
}

class Crashed extends Error {
  readonly code = 'crashes';
  constructor() {
    super(`${MAX_CRASHES} processes died with this event`);
  }
}

const MAX_MESSAGE = 500;

function describe({ cause }: Exhausted): { code: string; message: string } {
  if (!(cause instanceof Error)) return { code: 'error', message: 'Something was thrown that is no error' };
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : 'error';
  return { code, message: cause.message.slice(0, MAX_MESSAGE) };
}
