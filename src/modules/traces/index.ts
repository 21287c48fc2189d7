import type { Db } from '../../platform/db/queries.ts';
import type { Module } from '../../platform/module.ts';
import { generationRecorded } from './events.ts';
import { type Traces, tracesService } from './service.ts';

export type { PricedUsage } from './prices.ts';
export type { GenerationRecord, Traces } from './service.ts';

/** What models did: every call with its outcome, tokens, cost and time. */
export function createTraces({ db }: { db: Db }): Traces & Module {
  const service = tracesService(db);
  return { ...service, name: 'traces', events: [generationRecorded] };
}
