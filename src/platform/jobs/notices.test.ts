import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { sql } from 'kysely';
import { type TestLog, testLog } from '../../../test/support/log.ts';
import { uuidv7 } from '../../lib/ids.ts';
import { createLeases } from '../leases/leases.ts';
import { silentLog } from '../telemetry/log.ts';
import type { JobKind } from './define.ts';
import { createNotices } from './notices.ts';
import { createQueue } from './queue.ts';
import { createJobRunner } from './runner.ts';

let log: TestLog;
let tenantId: string;
const stops: (() => Promise<void>)[] = [];
before(async () => {
  log = await testLog();
});
beforeEach(async () => {
  await log.db.system.run(sql`delete from jobs`);
  tenantId = await log.makeTenant();
});
after(() => log.close());
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const gate = () => Promise.withResolvers<void>();

/** A process that hears what others tell, and looks for itself only once an hour. */
async function deaf(kind: JobKind) {
  const notices = createNotices({ url: log.url, log: silentLog });
  await notices.start();
  const queue = createQueue();
  const leases = createLeases({ db: log.db, log: silentLog });
  await leases.start();
  const runner = createJobRunner({
    db: log.db,
    queue,
    leases,
    kinds: [kind],
    log: silentLog,
    notices,
    pollMs: 3_600_000,
  });
  await runner.start();
  stops.push(async () => {
    await runner.stop(1000);
    await notices.stop(1000);
    await leases.stop(1000);
  });
  return {
    enqueue: (key: string) => log.db.inTx(log.ctx(tenantId), (tx) => queue.enqueue(tx, { kind: 'k', key, payload: 0 })),
  };
}

/** Another process, which runs nothing. */
async function elsewhere() {
  const notices = createNotices({ url: log.url, log: silentLog });
  await notices.start();
  stops.push(() => notices.stop(1000));
  const queue = createQueue({ processId: uuidv7(), notices });
  return (key: string) => log.db.inTx(log.ctx(tenantId), (tx) => queue.cancel(tx, 'k', key));
}

/** A handler that goes on until it is stopped, and tells of both. */
function endless() {
  const stopped = new Map<string, ReturnType<typeof gate>>();
  const entered = new Map<string, ReturnType<typeof gate>>();
  const of = (gates: typeof stopped, key: string) => gates.getOrInsertComputed(key, gate);
  const kind: JobKind = {
    kind: 'k',
    handle: (job) => {
      of(entered, job.key).resolve();
      return new Promise((_, reject) =>
        job.ctx.signal.addEventListener('abort', () => {
          of(stopped, job.key).resolve();
          reject(new Error('aborted'));
        }),
      );
    },
  };
  return {
    kind,
    entered: (key: string) => of(entered, key).promise,
    stopped: (key: string) => of(stopped, key).promise,
  };
}

test('another process is told of a cancel: it stops without having looked, and only what was cancelled', async () => {
  const { kind, entered, stopped } = endless();
  const p = await deaf(kind);
  const cancel = await elsewhere();
  await p.enqueue('a');
  await p.enqueue('b');
  await Promise.all([entered('a'), entered('b')]);
  assert.equal(await cancel('a'), true);
  await stopped('a');
  const others = stopped('b').then(() => 'stopped');
  // Whatever else was told with it has been heard when this answer to a later one is.
  await p.enqueue('c');
  await entered('c');
  await cancel('c');
  await stopped('c');
  assert.equal(await Promise.race([others, 'goes on']), 'goes on');
  assert.deepEqual(await log.db.system.all<{ key: string; state: string }>(sql`select key, state from jobs`), [
    { key: 'b', state: 'running' },
  ]);
});

test('a transaction that rolls back tells nobody, and a notice that is not true stops nobody', async () => {
  const { kind, entered, stopped } = endless();
  const p = await deaf(kind);
  const notices = createNotices({ url: log.url, log: silentLog });
  await notices.start();
  stops.push(() => notices.stop(1000));
  const queue = createQueue({ processId: uuidv7(), notices });
  const id = await p.enqueue('a');
  await entered('a');
  const failing = log.db.inTx(log.ctx(tenantId), async (tx) => {
    await queue.cancel(tx, 'k', 'a');
    throw new Error('no');
  });
  await assert.rejects(failing, /no/);
  notices.tell(id);
  await p.enqueue('b');
  await entered('b');
  await log.db.inTx(log.ctx(tenantId), (tx) => queue.cancel(tx, 'k', 'b'));
  await stopped('b');
  assert.equal(await Promise.race([stopped('a').then(() => 'stopped'), 'goes on']), 'goes on');
});

test('a process that was cut off from notices hears again, and looks for what it has missed', async () => {
  const { kind, entered, stopped } = endless();
  const p = await deaf(kind);
  await p.enqueue('missed');
  await p.enqueue('later');
  await Promise.all([entered('missed'), entered('later')]);
  const silent = createQueue();
  await log.db.inTx(log.ctx(tenantId), (tx) => silent.cancel(tx, 'k', 'missed'));
  await log.asOwner(`select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'parley notices' and datname = current_database()`);
  await stopped('missed');
  const cancel = await elsewhere();
  await cancel('later');
  await stopped('later');
});

test('a waiting job is taken back without a word to others', async () => {
  const told: string[] = [];
  const notices = { tell: (id: string) => void told.push(id) };
  const queue = createQueue({ processId: uuidv7(), notices });
  const later = new Date(Date.now() + 60_000);
  await log.db.inTx(log.ctx(tenantId), (tx) => queue.enqueue(tx, { kind: 'k', key: 'a', payload: 0, runAt: later }));
  assert.equal(await log.db.inTx(log.ctx(tenantId), (tx) => queue.cancel(tx, 'k', 'a')), true);
  assert.deepEqual(told, []);
});
