import type { Clock } from '../../lib/clock.ts';
import type { Authenticate, OnDenied } from '../../platform/auth/authenticate.ts';
import type { Db, Reader, Tx } from '../../platform/db/queries.ts';
import type { Consumer } from '../../platform/events/consumer.ts';
import { AppError } from '../../platform/http/errors.ts';
import type { Schedule } from '../../platform/jobs/schedule.ts';
import type { Module } from '../../platform/module.ts';
import type { Hub } from '../../platform/realtime/hub.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import { type Identity, identityEvents } from '../identity/index.ts';
import { createDenials } from './denials.ts';
import { ACCESS_EVENTS, apiKeyRevoked } from './events.ts';
import { type ApiKeys, createApiKeys } from './keys.ts';
import { accessRoutes } from './routes.ts';
import { bearerOf } from './rules.ts';
import { deleteDeadKeys, deleteStaleTickets, findKey } from './store.ts';
import { createTickets } from './tickets.ts';

export * as accessEvents from './events.ts';

export interface Access {
  /** What http asks of every request: an access token, an API key, or (on streams) a ticket. */
  readonly authenticate: Authenticate;
  /** What http tells of every refusal. */
  readonly onDenied: OnDenied;
  /** Makes a key for a member, with at most the member's permissions: for commands and tests. */
  createApiKey: ApiKeys['createFor'];
  /** Makes the one key that is confined to this, in place of the one before. It ends with the key that asked for it. */
  issueConfinedKey: ApiKeys['issueConfined'];
  /** Ends the key that is confined to this; false when there is none. */
  revokeConfinedKey: ApiKeys['revokeConfined'];
  /** What an API key of the tenant is called; undefined when there is none of this id. */
  findKeyName(queries: Reader | Tx, id: string): Promise<string | undefined>;
  /** Resolves when what happens beside answers (last use of keys, refusals) is written. */
  settled(): Promise<void>;
}

export type AccessDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly hub: Hub;
  readonly identity: Identity;
  readonly log: Logger;
};

/** What somebody may do, and the ways to show who one is: API keys and tickets beside identity's tokens. */
export function createAccess({ db, clock, hub, identity, log }: AccessDeps): Access & Module {
  const own = log.child('access');
  const keys = createApiKeys({ db, clock, hub, identity, log: own });
  const tickets = createTickets({ db, clock, identity, keys });
  const denials = createDenials({ db, clock, log: own });

  hub.tap([apiKeyRevoked.type], ({ tenantid, data }) => {
    keys.forget(tenantid, (data as { api_key_id: string }).api_key_id);
  });
  hub.tap([identityEvents.memberChanged.type], ({ tenantid, data }) => {
    keys.endStreamsOf(tenantid, (data as { user_id: string }).user_id);
  });

  return {
    name: 'access',
    events: ACCESS_EVENTS,
    consumers: [keysOfRemovedMembers(keys)],
    schedules: [purge(db, clock)],
    routes: (router) => accessRoutes(router, { keys, tickets }),
    onDenied: denials.record,
    createApiKey: keys.createFor,
    issueConfinedKey: keys.issueConfined,
    revokeConfinedKey: keys.revokeConfined,
    findKeyName: async (queries, id) => (await findKey(queries, queries.ctx.tenantId, id))?.name,
    async settled() {
      await Promise.all([keys.settled(), denials.settled()]);
    },
    authenticate({ authorization, ticket, path }) {
      if (authorization !== undefined) {
        const token = bearerOf(authorization);
        if (token === undefined)
          throw new AppError('unauthenticated', {
            message: 'The Authorization header must be "Bearer", a space, and an access token or an API key.',
          });
        return token.startsWith('parley_') ? keys.authenticate(token) : identity.authenticate(token);
      }
      return ticket === undefined ? undefined : tickets.redeem(ticket, path);
    },
  };
}

const keysOfRemovedMembers = (keys: ApiKeys): Consumer => ({
  group: 'access.keys_of_removed_members',
  types: [identityEvents.memberRemoved],
  async handle(tx, event) {
    const { user_id: userId, removed_at: removedAt } = event.data as { user_id: string; removed_at: string };
    await keys.revokeAllOf(tx, { userId, madeBy: new Date(removedAt) });
  },
});

const DAY_MS = 24 * 3_600_000;

const purge = (db: Db, clock: Clock): Schedule => ({
  name: 'access.purge',
  everyMs: 10 * 60_000,
  async run(signal) {
    const now = clock.now();
    const batches = [
      () => db.inSystemTx((tx) => deleteStaleTickets(tx, now)),
      () => db.inSystemTx((tx) => deleteDeadKeys(tx, new Date(now.getTime() - 30 * DAY_MS))),
    ];
    for (const batch of batches) while (!signal.aborted && (await batch()) > 0);
  },
});
