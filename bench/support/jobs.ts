/** Parley's own jobs as one side of the kill table: `enqueue N` or `work`. The effect is written in the job's own transaction. */
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Ctx } from '../../src/platform/context.ts';
import { openDb } from '../../src/platform/db/open.ts';
import { createQueue } from '../../src/platform/jobs/queue.ts';
import { createJobRunner } from '../../src/platform/jobs/runner.ts';
import { createLeases } from '../../src/platform/leases/leases.ts';
import { systemCtx } from '../../src/platform/system-ctx.ts';
import { createLog } from '../../src/platform/telemetry/log.ts';

const [what, count] = process.argv.slice(2);
const log = createLog({ level: 'error' });
const db = openDb({ url: process.env.DATABASE_URL ?? '', writeOutbox: async () => {} });
const queue = createQueue();
const tenantId = '00000000-0000-7000-8000-0000000000b0';

const ctxOf = (): Ctx => systemCtx({ tenantId, id: 'bench', requestId: 'bench', signal: new AbortController().signal });
if (what === 'enqueue') {
  await db.system.run(sql`insert into tenants (id, name) values (${tenantId}, 'Bench')`);
  await db.inTx(ctxOf(), async (tx) => {
    for (let job = 0; job < Number(count); job += 1)
      await queue.enqueue(tx, { kind: 'bench', key: `${job}`, payload: { job } });
  });
  await db.close();
} else {
  const leases = createLeases({ db, log });
  await leases.start();
  const runner = createJobRunner({
    ...{ db, queue, leases, log },
    kinds: [
      {
        kind: 'bench',
        concurrency: 4,
        async handle(running) {
          const { job } = running.payload as { job: number };
          await db.system.run(sql`insert into begun (job, at) values (${job}, clock_timestamp())`);
          await delay(450);
          await db.inTx(running.ctx, async (tx) => {
            await tx.run(sql`insert into ledger (job, at) values (${job}, clock_timestamp())`);
            await delay(50);
            await running.complete(tx);
          });
        },
      },
    ],
  });
  await runner.start();
}
