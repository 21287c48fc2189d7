import { createSemaphore } from '../../lib/semaphore.ts';
import type { TenantRange } from '../events/sql.ts';
import type { LogEvent, Subscription } from './hub.ts';

/** A subscriber that has not been sent everything yet. */
export type Behind = {
  readonly subscription: Pick<Subscription, 'tenantId' | 'streams' | 'types' | 'full'>;
  /** Everything up to here has been sent, or is not wanted. */
  position: number;
  readonly closed: boolean;
};

type Deps<S extends Behind> = {
  /** How far this process has followed the tenant's log. */
  readonly head: (tenantId: string) => number;
  readonly read: (range: TenantRange) => Promise<readonly LogEvent[]>;
  /** Gives an event to those who are behind it and follow its stream. */
  readonly send: (event: LogEvent, to: readonly S[]) => void;
};

/** Pages that are read at once: each takes one of the system's few connections. */
const READS = 3;
const PAGE = 200;
/** Streams that are asked for together. */
const MAX_STREAMS = 500;

/** Those who wait, in the order they came, and how to tell them that they had a page. */
type Crowd<S> = Map<S, () => void>;

/**
 * Sends subscribers what they have missed, page by page out of the log. Those of one tenant that wait at the same time
 * are served by the same page: when a process dies, thousands of its clients come to another one within a second, each
 * with a cursor of its own. A statement for each of 5,000 kept PostgreSQL busy for 15 s, so that writers waited and the
 * last of them was up to date 6 s after it was connected. Together they take some dozens, and 0.03 s.
 *
 * What it answers sends one page. It may not bring the subscriber forward, and is to be called until it is there.
 */
export function createCatchUp<S extends Behind>({ head, read, send }: Deps<S>): (subscriber: S) => Promise<void> {
  const turns = createSemaphore(READS);
  /** By what they may share: tenant, types, and whether they follow streams or everything. In the order they came. */
  const crowds = new Map<string, Crowd<S>>();

  /** Who is served by the leader's page: those who are as far as the leader, or further. */
  function companyOf(leader: S, crowd: Crowd<S>): { company: S[]; streams: string[] | undefined } {
    const { streams } = leader.subscription;
    if (streams === undefined) return { company: [...crowd.keys()].filter((s) => canJoin(s, leader)), streams };
    const together = new Set(streams);
    const company: S[] = [];
    for (const one of crowd.keys()) {
      if (together.size >= MAX_STREAMS && one !== leader) continue;
      if (!canJoin(one, leader)) continue;
      company.push(one);
      for (const stream of one.subscription.streams ?? []) together.add(stream);
    }
    return { company, streams: [...together] };
  }

  async function lead(leader: S, crowd: Crowd<S>): Promise<void> {
    const { tenantId, types } = leader.subscription;
    const { company, streams } = companyOf(leader, crowd);
    const served = company.filter((one) => one !== leader).map((one) => crowd.get(one));
    for (const one of company) crowd.delete(one);
    try {
      const upTo = head(tenantId);
      const events = await read({ tenantId, after: leader.position, upTo, streams, types, limit: PAGE });
      const followers = streams && byStream(company);
      // Large events: who has been given enough takes the rest from another page, when it has read these.
      const full = new Set<S>();
      for (const event of events) {
        const those = followers ? (followers.get(event.stream) ?? []) : company;
        const to = full.size === 0 ? those : those.filter((one) => !full.has(one));
        send(event, to);
        for (const one of to) if (one.subscription.full?.()) full.add(one);
      }
      const reached = events.length < PAGE ? upTo : (events.at(-1)?.position ?? upTo);
      for (const one of company) if (!full.has(one)) one.position = Math.max(one.position, reached);
    } finally {
      // Where it failed, only the leader fails: the others try by themselves.
      for (const done of served) done?.();
    }
  }

  return async (subscriber) => {
    const { tenantId, streams, types } = subscriber.subscription;
    const key = [tenantId, streams === undefined, ...(types ?? ['*'])].join(' ');
    const crowd: Crowd<S> = crowds.get(key) ?? new Map();
    crowds.set(key, crowd);
    const { promise: served, resolve } = Promise.withResolvers<void>();
    crowd.set(subscriber, resolve);
    const turn = turns(async () => {
      // Else somebody's page has served it meanwhile, or is about to; it may even be here again, for another page.
      if (crowd.get(subscriber) === resolve) {
        if (subscriber.closed) crowd.delete(subscriber);
        else await lead(subscriber, crowd);
        resolve();
      }
      if (crowd.size === 0 && crowds.get(key) === crowd) crowds.delete(key);
    });
    await Promise.race([served, turn.then(() => served)]);
  };
}

const canJoin = (one: Behind, leader: Behind) => one === leader || (!one.closed && one.position >= leader.position);

function byStream<S extends Behind>(subscribers: readonly S[]): Map<string, S[]> {
  const found = new Map<string, S[]>();
  for (const one of subscribers) {
    for (const stream of one.subscription.streams ?? []) {
      const those = found.get(stream);
      if (those) those.push(one);
      else found.set(stream, [one]);
    }
  }
  return found;
}
