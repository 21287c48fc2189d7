/**
 * A process that works on a test's database, and dies (kill -9) by the job or the event named `poison`. Ends with 0 when
 * there is nothing left to do. Started by path: DATABASE_URL, then `jobs` or `events`.
 */
import { sql } from 'kysely';
import { openDb } from '../../src/platform/db/open.ts';
import { createDeadLetters } from '../../src/platform/dead-letters/dead-letters.ts';
import { createAnnouncements } from '../../src/platform/events/announcements.ts';
import { createDispatch } from '../../src/platform/events/dispatch.ts';
import { createFeed } from '../../src/platform/events/feed.ts';
import { createEventTypes } from '../../src/platform/events/registry.ts';
import { createSequencer } from '../../src/platform/events/sequencer.ts';
import { createMemoryTail } from '../../src/platform/events/tail-memory.ts';
import { createQueue } from '../../src/platform/jobs/queue.ts';
import { createJobRunner } from '../../src/platform/jobs/runner.ts';
import { createLeases } from '../../src/platform/leases/leases.ts';
import { silentLog as log } from '../../src/platform/telemetry/log.ts';
import { createTracer } from '../../src/platform/telemetry/trace.ts';
import { noted } from './log.ts';

const [url = '', face] = process.argv.slice(2);
const die = () => process.kill(process.pid, 'SIGKILL');
const db = openDb({ url, writeOutbox: createAnnouncements().writeOutbox });
const queue = createQueue();
const leases = createLeases({ db, log });
await leases.start();
// The processes before this one are dead: nobody waits for their silence to be believed.
await leases.freeDead();
if (face === 'jobs') await workOnJobs();
else await workOnEvents();
await leases.stop(1000);
await db.close();

async function workOnJobs(): Promise<void> {
  const kind = {
    kind: 'fragile',
    concurrency: 1,
    async handle({ key, ctx }: { key: string; ctx: Parameters<typeof db.inTx>[0] }) {
      if (key === 'poison') die();
      await db.inTx(ctx, (tx) => tx.run(sql`insert into effects values (${key})`));
    },
  };
  const runner = createJobRunner({ db, queue, leases, kinds: [kind], log });
  await runner.start();
  await runner.idle();
  await runner.stop(1000);
}

async function workOnEvents(): Promise<void> {
  const types = createEventTypes();
  types.register([noted]);
  const tail = createMemoryTail();
  const feed = createFeed({ db, tail, types, log });
  const sequencer = createSequencer({ db, leases, tail, types, log });
  const dispatch = createDispatch({
    ...{ db, leases, feed, types, log, tracer: createTracer(), deadLetters: createDeadLetters({ queue }) },
    consumers: [
      {
        group: 'fragile',
        types: [noted],
        async handle(tx, event) {
          if (event.stream.endsWith('poison')) die();
          await tx.run(sql`insert into effects values (${event.stream})`);
        },
      },
    ],
  });
  for (const service of [feed, sequencer, dispatch]) await service.start();
  await sequencer.idle();
  await feed.caughtUp();
  await dispatch.idle();
  for (const service of [dispatch, sequencer, feed]) await service.stop(1000);
}
