import type { Clock } from '../../../lib/clock.ts';
import type { Db } from '../../../platform/db/queries.ts';
import type { Logger } from '../../../platform/telemetry/log.ts';
import { announce, userSignInFailed } from '../events.ts';
import { findMembershipsByEmail } from '../members/store.ts';
import { networkOf } from './rules.ts';

const COLLAPSE_MS = 60_000;
/** Emails remembered; beyond it the oldest are forgotten, and at worst announced a second time within the minute. */
const MAX_EMAILS = 10_000;

/**
 * Announces wrong passwords to the tenants of the email, at most once a minute and email: an attacker must not be
 * able to make us write without bound. It happens beside the answer, which therefore takes as long for an email that
 * nobody has.
 */
export function createFailures({ db, clock, log }: { db: Db; clock: Clock; log: Logger }) {
  const recent = new Map<string, { sinceMs: number; uncounted: number }>();
  const running = new Set<Promise<void>>();

  async function write(emailKey: string, count: number, ip: string): Promise<void> {
    try {
      const memberships = await findMembershipsByEmail(db.system, emailKey);
      if (memberships.length === 0) return;
      await db.inSystemTx(async (tx) => {
        for (const { tenant_id, user_id } of memberships) {
          const data = { user_id, count, network: networkOf(ip) };
          announce(tx, tenant_id, { type: userSignInFailed, subject: user_id, data });
        }
      });
    } catch (error) {
      log.warn('A failed sign-in could not be recorded', { error });
    }
  }

  return {
    /** Returns at once. */
    record(emailKey: string, ip: string): void {
      const nowMs = clock.now().getTime();
      const known = recent.get(emailKey);
      if (known !== undefined && nowMs - known.sinceMs < COLLAPSE_MS) {
        known.uncounted += 1;
        return;
      }
      recent.delete(emailKey);
      if (recent.size >= MAX_EMAILS) for (const first of recent.keys()) if (recent.delete(first)) break;
      recent.set(emailKey, { sinceMs: nowMs, uncounted: 0 });
      const task = write(emailKey, (known?.uncounted ?? 0) + 1, ip).finally(() => running.delete(task));
      running.add(task);
    },
    /** Resolves when what was recorded until now is written. */
    async settled(): Promise<void> {
      await Promise.all(running);
    },
  };
}
