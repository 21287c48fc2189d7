import type { Clock } from '../../../lib/clock.ts';
import type { Caches } from '../../../platform/cache/caches.ts';
import type { Ctx } from '../../../platform/context.ts';
import type { Db } from '../../../platform/db/queries.ts';
import { AppError } from '../../../platform/http/errors.ts';
import type { Hub } from '../../../platform/realtime/hub.ts';
import type { Reliability } from '../../../platform/reliability/reliability.ts';
import { processes, processOf } from '../streams/store.ts';
import type { System } from './schemas.ts';
import * as store from './store.ts';

/** What the program knows of itself when it is put together. */
export type Facts = {
  readonly name: string;
  readonly version: string;
  readonly profile: 'development' | 'testing' | 'production';
  readonly roles: readonly string[];
  readonly packagedDatabase: boolean;
  readonly logRetentionDays: number;
};

export type SystemDeps = {
  readonly db: Db;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly facts: Facts;
  /** Who this process is. */
  readonly processId: string;
  readonly redis?: { state(): 'connected' | 'disconnected' } | undefined;
  readonly reliability: Pick<Reliability, 'snapshot'>;
  readonly caches: Pick<Caches, 'snapshot'>;
};

/** Tells of the server and of the caller's tenant in it. Answers also while the database is away, with what is left. */
export function systemView(deps: SystemDeps): (ctx: Ctx) => Promise<System> {
  const { db, hub, clock, facts, redis, processId } = deps;
  const startedAt = clock.now();
  return async (ctx) => {
    const [read, cursor] = await Promise.all([readOf(db, ctx), hub.cursor(ctx.tenantId)]);
    const lagMs = hub.lagMs();
    return {
      name: facts.name,
      build: {
        version: facts.version,
        node: process.version,
        platform: `${process.platform}-${process.arch}`,
        profile: facts.profile,
      },
      roles: [...facts.roles],
      started_at: startedAt.toISOString(),
      uptime_seconds: Math.max(0, Math.floor((clock.now().getTime() - startedAt.getTime()) / 1000)),
      database: {
        status: read ? 'connected' : 'disconnected',
        version: read?.version ?? null,
        packaged: facts.packagedDatabase,
      },
      redis: { status: redis?.state() ?? 'disabled' },
      processes: read ? read.processes.map((row) => ({ ...processOf(row, processId), breakers: row.breakers })) : null,
      ...partsOf(deps),
      log: {
        position: cursor.position,
        lag_ms: Number.isFinite(lagMs) ? Math.round(lagMs) : null,
        retention_days: facts.logRetentionDays,
      },
      jobs: read?.jobs ?? null,
      dead_letters: ctx.permissions.has('dead_letters:read') ? (read?.deadLetters ?? null) : null,
      connections: hub.connections(ctx.tenantId),
    };
  };
}

/** What of its own this process knows of others that it calls. */
function partsOf({ reliability, caches }: SystemDeps) {
  const { breakers, bulkheads } = reliability.snapshot();
  const { entries, bytes, caches: kept } = caches.snapshot();
  return {
    breakers: breakers.map(({ name, state }) => ({ name, state })),
    bulkheads: bulkheads.map(({ inUse: in_use, ...bulkhead }) => ({ ...bulkhead, in_use })),
    caches: { entries, bytes, items: kept.map(({ hitRatio: hit_ratio, ...cache }) => ({ ...cache, hit_ratio })) },
  };
}

async function readOf(db: Db, ctx: Ctx) {
  try {
    const reader = db.reader(ctx);
    const [jobs, facts, living] = await Promise.all([
      store.countJobs(reader),
      store.databaseFacts(reader),
      db.system.all(processes),
    ]);
    return {
      processes: living,
      version: facts?.version ?? null,
      deadLetters: facts?.dead_letters ?? 0,
      jobs: jobs.map(({ next_run_at, oldest_at, ...counts }) => ({
        ...counts,
        next_run_at: next_run_at?.toISOString() ?? null,
        oldest_at: oldest_at.toISOString(),
      })),
    };
  } catch (error) {
    // Away, as the rest of the product says it with 503; this page is where one looks then.
    if (error instanceof AppError && ['unavailable', 'overloaded'].includes(error.code)) return undefined;
    throw error;
  }
}
