import type { Clock } from '../../lib/clock.ts';
import type { OnDenied, Principal } from '../../platform/auth/authenticate.ts';
import type { Permission } from '../../platform/auth/permissions.ts';
import type { Db } from '../../platform/db/queries.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import { announce, by } from '../identity/index.ts';
import { permissionDenied } from './events.ts';

const COLLAPSE_MS = 60_000;
/** Actors and routes remembered; beyond it the oldest are forgotten, and at worst announced a second time. */
const MAX_REMEMBERED = 10_000;

/**
 * Announces refusals, at most once a minute for one actor on one route: a 403 must not be an unbounded write. It
 * happens beside the answer.
 */
export function createDenials({ db, clock, log }: { db: Db; clock: Clock; log: Logger }) {
  const recent = new Map<string, { sinceMs: number; uncounted: number }>();
  const running = new Set<Promise<void>>();

  async function write({ principal, permission, operationId, count }: Denial): Promise<void> {
    const { tenantId, actor } = principal;
    try {
      await db.inSystemTx(async (tx) => {
        const data = { operation: operationId, permission, count, by: by(actor) };
        announce(tx, tenantId, { type: permissionDenied, subject: actor.id, data });
      });
    } catch (error) {
      log.warn('A refusal could not be recorded', { error });
    }
  }

  const record: OnDenied = ({ principal, permission, operationId }) => {
    const key = `${principal.tenantId}/${principal.actor.id}/${operationId}`;
    const nowMs = clock.now().getTime();
    const known = recent.get(key);
    if (known !== undefined && nowMs - known.sinceMs < COLLAPSE_MS) {
      known.uncounted += 1;
      return;
    }
    recent.delete(key);
    if (recent.size >= MAX_REMEMBERED) for (const first of recent.keys()) if (recent.delete(first)) break;
    recent.set(key, { sinceMs: nowMs, uncounted: 0 });
    const task = write({ principal, permission, operationId, count: (known?.uncounted ?? 0) + 1 }).finally(() =>
      running.delete(task),
    );
    running.add(task);
  };

  return {
    record,
    /** Resolves when what was recorded until now is written. */
    async settled(): Promise<void> {
      await Promise.all(running);
    },
  };
}

type Denial = { principal: Principal; permission: Permission; operationId: string; count: number };
