import { sql } from 'kysely';
import type { Reader } from '../../../platform/db/queries.ts';

export type JobsRow = {
  readonly kind: string;
  readonly running: number;
  readonly due: number;
  readonly scheduled: number;
  readonly retrying: number;
  readonly next_run_at: Date | null;
  readonly oldest_at: Date;
};

/** Kinds of jobs are few, and their number is the program's own; the limit is for whoever adds the hundredth. */
const MAX_KINDS = 100;

/** The tenant's unfinished jobs, a row a kind. */
export const countJobs = (reader: Reader): Promise<JobsRow[]> =>
  reader.all<JobsRow>(sql`
    select kind,
           count(*) filter (where state = 'running')::int as running,
           count(*) filter (where state = 'waiting' and run_at <= now())::int as due,
           count(*) filter (where state = 'waiting' and run_at > now())::int as scheduled,
           count(*) filter (where state = 'waiting' and failures > 0)::int as retrying,
           min(run_at) filter (where state = 'waiting') as next_run_at,
           min(created_at) as oldest_at
      from jobs where tenant_id = ${reader.ctx.tenantId}
     group by kind order by kind limit ${MAX_KINDS}`);

/** PostgreSQL's version, and how many dead letters the tenant has. */
export const databaseFacts = (reader: Reader): Promise<{ version: string; dead_letters: number } | undefined> =>
  reader.first<{ version: string; dead_letters: number }>(sql`
    select current_setting('server_version') as version,
           (select count(*)::int from dead_letters where tenant_id = ${reader.ctx.tenantId}) as dead_letters`);
