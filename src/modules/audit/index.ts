import type { Clock } from '../../lib/clock.ts';
import type { Db } from '../../platform/db/queries.ts';
import type { EventType } from '../../platform/events/define.ts';
import type { Cursors } from '../../platform/http/paging.ts';
import type { Module } from '../../platform/module.ts';
import type { Reliability } from '../../platform/reliability/reliability.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import { accessEvents } from '../access/index.ts';
import { type Identity, identityEvents } from '../identity/index.ts';
import { auditRoutes } from './routes.ts';
import { createService } from './service.ts';

const HOUR_MS = 3_600_000;

export type AuditDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly identity: Pick<Identity, 'statements'>;
  readonly cursors: Cursors;
  readonly reliability: Reliability;
  readonly log: Logger;
  /** Events of modules below this one that belong into the record, too. They name their actor in `by`. */
  readonly also: readonly EventType[];
};

/** The record of what happened in each tenant: hash-chained, insert-only, with signed checkpoints. */
export function createAudit({ db, clock, identity, cursors, reliability, log, also }: AuditDeps): Module {
  const audit = createService({ db, clock, statements: identity.statements, reliability, log: log.child('audit') });
  return {
    name: 'audit',
    consumers: [
      {
        group: 'audit',
        types: [...identityEvents.IDENTITY_EVENTS, ...accessEvents.ACCESS_EVENTS, ...also],
        handle: (tx, event) => audit.record(tx, event),
      },
    ],
    schedules: [{ name: 'audit.checkpoints', everyMs: HOUR_MS, run: (signal) => audit.checkpoint(signal) }],
    routes: (router) => auditRoutes(router, { audit, cursors }),
  };
}
