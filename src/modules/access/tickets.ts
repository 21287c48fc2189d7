import type { Clock } from '../../lib/clock.ts';
import type { Principal } from '../../platform/auth/authenticate.ts';
import { newOpaque, readOpaque } from '../../platform/auth/opaque.ts';
import type { Db, Tx } from '../../platform/db/queries.ts';
import { AppError } from '../../platform/http/errors.ts';
import type { Identity } from '../identity/index.ts';
import type { ApiKeys } from './keys.ts';
import type { Ticket } from './schemas.ts';
import { insertTicket, takeTicket } from './store.ts';

const TICKET_NAME = 'parley_ticket';
const TICKET_SECONDS = 60;

/**
 * A minute's way in for what cannot send headers (EventSource), so that no token ever stands in a URL. A ticket is
 * good once, for one path, and only while the session or key that asked for it is.
 */
export type Tickets = {
  create(tx: Tx, path: string): Promise<Ticket>;
  redeem(ticket: string, path: string): Promise<Principal>;
};

export function createTickets(deps: { db: Db; clock: Clock; identity: Identity; keys: ApiKeys }): Tickets {
  const { db, clock, identity, keys } = deps;
  return {
    async create(tx, path) {
      const { actor, tenantId } = tx.ctx;
      if (actor.kind === 'system') throw new AppError('permission_denied');
      const { token, digest } = newOpaque(TICKET_NAME, tenantId);
      await insertTicket(tx, {
        tenantId,
        digest,
        actor_kind: actor.kind,
        actor_id: actor.id,
        session_id: actor.kind === 'user' ? actor.sessionId : null,
        path,
        expires_at: new Date(clock.now().getTime() + TICKET_SECONDS * 1_000),
      });
      return { ticket: token, expires_in: TICKET_SECONDS };
    },

    async redeem(ticket, path) {
      const read = readOpaque(TICKET_NAME, ticket);
      // Taken whatever the path: a ticket that was tried elsewhere has leaked.
      const row = read && (await db.inSystemTx((tx) => takeTicket(tx, read.tenantId, read.digest)));
      if (read === undefined || row === undefined || row.path !== path || row.expires_at <= clock.now())
        throw new AppError('unauthenticated', { message: 'This ticket is not good, or not any more.' });
      const { tenantId } = read;
      if (row.session_id === null) return keys.principalOfKey(tenantId, row.actor_id);
      return identity.principalOf({ tenantId, userId: row.actor_id, sessionId: row.session_id });
    },
  };
}
