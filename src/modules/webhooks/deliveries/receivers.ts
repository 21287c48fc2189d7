import { AppError } from '../../../platform/http/errors.ts';
import { type Breaker, createBreaker } from '../../../platform/reliability/breaker.ts';
import { type Bulkhead, createBulkhead } from '../../../platform/reliability/bulkhead.ts';
import type { Sent } from './send.ts';

/** Nothing was sent: the host has enough to do, or the receiver is left alone for a while. */
export type Busy = { readonly busyForMs: number };

type Receiver = { readonly tenantId: string; readonly webhookId: string; readonly url: string };

/** Keeps a slow or dead receiver from holding the hands that others need. */
export interface Receivers {
  run(receiver: Receiver, send: () => Promise<Sent>, signal: AbortSignal): Promise<Sent | Busy>;
}

/** At once to one host of one tenant, in one process; and so many more wait here for their turn. */
export const PER_HOST = 16;
export const LINE = 8;
const MAX_KEPT = 2_000;
const OPEN_MS = 5_000;
const MAX_OPEN_MS = 60_000;
/** Who is turned away comes back when its turn may be expected, as far as the host's answers until now tell. */
const MIN_AWAY_MS = 50;
const MAX_AWAY_MS = 60_000;
const FIRST_GUESS_MS = 100;
/** How much the newest answer counts in the mean. */
const WEIGHT = 0.2;

/** No answer, or one that says that it is the receiver who is in trouble. */
const isTrouble = ({ status }: Sent): boolean => status === null || status >= 500;

class Trouble extends Error {
  readonly sent: Sent;
  constructor(sent: Sent) {
    super('The receiver is in trouble');
    this.sent = sent;
  }
}
class LeftAlone extends Error {
  readonly forMs: number;
  constructor(forMs: number) {
    super('The receiver is left alone for a while');
    this.forMs = forMs;
  }
}

type Chances = { readonly random?: () => number; readonly now?: () => number };

type Host = {
  readonly bulkhead: Bulkhead;
  /** The mean time of its answers. */
  meanMs: number;
  /** When those that were turned away will have had their turns. */
  freeAtMs: number;
};

/**
 * A bulkhead a host, with a short line, since jobs wait in the database; within it a breaker a webhook: two of one host may
 * fare differently. Hosts are told apart by tenant, so that nobody is slowed down by what another tenant has there.
 */
export function createReceivers({ random = Math.random, now = () => performance.now() }: Chances = {}): Receivers {
  const hosts = new Map<string, Host>();
  const breakers = new Map<string, Breaker>();
  const hostOf = (key: string) =>
    recent(hosts, key, {
      make: () => ({
        bulkhead: createBulkhead({ name: 'webhook host', limit: PER_HOST, queue: LINE }),
        ...{ meanMs: FIRST_GUESS_MS, freeAtMs: 0 },
      }),
      isIdle: ({ bulkhead }) => bulkhead.inUse() === 0,
    });
  const breakerOf = (key: string) =>
    recent(breakers, key, {
      make: () =>
        createBreaker({
          ...{ name: 'webhook', openMs: OPEN_MS, maxOpenMs: MAX_OPEN_MS, random },
          isFailure: (error) => error instanceof Trouble,
          refuse: (forMs) => new LeftAlone(forMs),
        }),
      isIdle: (breaker) => breaker.state() === 'closed',
    });

  /** One more is turned away: it comes after those before it, and not all in one moment. */
  function turnAway(host: Host, atLeastMs: number): Busy {
    const nowMs = now();
    host.freeAtMs = Math.max(host.freeAtMs, nowMs) + host.meanMs / PER_HOST;
    const awayMs = Math.min(MAX_AWAY_MS, Math.max(MIN_AWAY_MS, host.freeAtMs - nowMs));
    return { busyForMs: Math.round(atLeastMs + awayMs * (0.75 + random() / 2)) };
  }

  return {
    async run({ tenantId, webhookId, url }, send, signal) {
      const host = hostOf(`${tenantId} ${new URL(url).origin}`);
      const breaker = breakerOf(`${webhookId} ${url}`);
      const attempt = async () => {
        const begunMs = now();
        const sent = await send();
        host.meanMs += WEIGHT * (now() - begunMs - host.meanMs);
        if (isTrouble(sent)) throw new Trouble(sent);
        return sent;
      };
      try {
        return await host.bulkhead.run(() => breaker.run(attempt, signal), signal);
      } catch (error) {
        if (error instanceof Trouble) return error.sent;
        if (error instanceof LeftAlone) return turnAway(host, error.forMs);
        if (error instanceof AppError && error.code === 'overloaded') return turnAway(host, 0);
        throw error;
      }
    },
  };
}

/** The entry of a key; above the limit, what was not used for longest goes, unless something is known by it. */
function recent<T>(
  map: Map<string, T>,
  key: string,
  { make, isIdle }: { make: () => T; isIdle: (entry: T) => boolean },
): T {
  const entry = map.get(key) ?? make();
  map.delete(key);
  map.set(key, entry);
  for (const [oldest, kept] of map) {
    if (map.size <= MAX_KEPT) break;
    if (isIdle(kept) || map.size > 2 * MAX_KEPT) map.delete(oldest);
  }
  return entry;
}
