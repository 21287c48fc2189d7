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

/** At once to one host of one tenant, in one process. */
export const PER_HOST = 8;
const MAX_KEPT = 2_000;
const OPEN_MS = 5_000;
const MAX_OPEN_MS = 60_000;
/** Who is turned away comes back spread over so long, the longer the more of them there are. */
const SPREAD_MS = 250;
const MAX_SPREAD_MS = 60_000;

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

type Host = { readonly bulkhead: Bulkhead; refusals: number };

/**
 * A bulkhead a host, without a line, since jobs wait in the database; within it a breaker a webhook: two of one host may
 * fare differently. Hosts are told apart by tenant, so that nobody is slowed down by what another tenant has there.
 */
export function createReceivers(random: () => number = Math.random): Receivers {
  const hosts = new Map<string, Host>();
  const breakers = new Map<string, Breaker>();
  const hostOf = (key: string) =>
    recent(hosts, key, {
      make: () => ({ bulkhead: createBulkhead({ name: 'webhook host', limit: PER_HOST, queue: 0 }), refusals: 0 }),
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
  const spread = (host: Host): number =>
    Math.round((0.5 + random()) * Math.min(MAX_SPREAD_MS, SPREAD_MS * ++host.refusals));

  return {
    async run({ tenantId, webhookId, url }, send, signal) {
      const host = hostOf(`${tenantId} ${new URL(url).origin}`);
      const breaker = breakerOf(`${webhookId} ${url}`);
      const attempt = async () => {
        const sent = await send();
        if (isTrouble(sent)) throw new Trouble(sent);
        return sent;
      };
      try {
        const sent = await host.bulkhead.run(() => breaker.run(attempt, signal));
        host.refusals = 0;
        return sent;
      } catch (error) {
        if (error instanceof Trouble) return error.sent;
        if (error instanceof LeftAlone) return { busyForMs: Math.round(error.forMs) + spread(host) };
        if (error instanceof AppError && error.code === 'overloaded') return { busyForMs: spread(host) };
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
