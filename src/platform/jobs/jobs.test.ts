import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { sql } from 'kysely';
import { note, type TestLog, testLog, until } from '../../../test/support/log.ts';
import { createLeases } from '../leases/leases.ts';
import { silentLog } from '../telemetry/log.ts';
import { type JobKind, LeaseLost, PermanentError, type RunningJob } from './define.ts';
import { createQueue } from './queue.ts';
import { createJobRunner } from './runner.ts';

let log: TestLog;
let tenantId: string;
const stops: (() => Promise<void>)[] = [];
before(async () => {
  log = await testLog();
  await log.asOwner(`
    create table effects (job text, fence int);
    grant all on effects to parley_app, parley_system`);
});
beforeEach(async () => {
  await log.db.system.run(sql`delete from jobs`);
  await log.db.system.run(sql`delete from effects`);
  tenantId = await log.makeTenant();
});
after(() => log.close());
afterEach(async () => {
  // Twice is fine; a test that failed has not stopped what it started.
  for (const stop of stops.splice(0)) await stop();
});

/** One process that runs these kinds; `backoff` is nothing unless a test is about it. */
async function start(...kinds: JobKind[]) {
  const queue = createQueue();
  const leases = createLeases({ db: log.db, log: silentLog });
  await leases.start();
  const backoff = { baseMs: 1, capMs: 1 };
  const runner = createJobRunner({ db: log.db, queue, leases, kinds, log: silentLog, backoff });
  await runner.start();
  const stop = async (deadlineMs = 2000) => {
    await runner.stop(deadlineMs);
    await leases.stop(1000);
  };
  stops.push(() => stop(0));
  return {
    leases,
    runner,
    queue,
    enqueue: (kind: string, key: string, payload: unknown = {}, runAt?: Date, tenant = tenantId) =>
      log.db.inTx(log.ctx(tenant), (tx) => queue.enqueue(tx, { kind, key, payload, ...(runAt && { runAt }) })),
    stop,
  };
}

/** Completes the job together with a row that says so, and notes who did. */
function effect(job: RunningJob, ran: RunningJob[] = []) {
  ran.push(job);
  return log.db.inTx(job.ctx, async (tx) => {
    await tx.run(sql`insert into effects values (${job.key}, ${job.fence})`);
    await job.complete(tx);
  });
}
const effects = () => log.db.system.all<{ job: string; fence: number }>(sql`select * from effects order by job`);
const rows = () =>
  log.db.system.all<{ key: string; state: string; failures: number; crashes: number }>(sql`select * from jobs`);
const letters = () =>
  log.db.system.all<{ stream: string; error_code: string; body: unknown }>(sql`
    select stream, error_code, body from dead_letters where source = 'job' and tenant_id = ${tenantId}`);

/** Something a handler waits for and a test opens. */
const gate = () => Promise.withResolvers<void>();

test('a job runs once after its commit, with its payload and tenant, and is gone afterwards', async () => {
  const seen: RunningJob[] = [];
  const p = await start({ kind: 'k', handle: (job) => effect(job, seen) });
  await p.enqueue('k', 'a', { n: 1 });
  await p.runner.idle();
  assert.equal(seen.length, 1);
  assert.deepEqual(seen[0]?.payload, { n: 1 });
  assert.equal(seen[0]?.ctx.tenantId, tenantId);
  assert.equal(seen[0]?.attempt, 1);
  assert.deepEqual(await effects(), [{ job: 'a', fence: 1 }]);
  assert.deepEqual(await rows(), []);
  await p.stop();
});

test('a transaction that rolls back enqueues nothing', async () => {
  let runs = 0;
  const p = await start({ kind: 'k', handle: async () => void runs++ });
  const failing = log.db.inTx(log.ctx(tenantId), async (tx) => {
    await p.queue.enqueue(tx, { kind: 'k', key: 'a', payload: null });
    throw new Error('no');
  });
  await assert.rejects(failing, /no/);
  await p.runner.idle();
  assert.equal(runs, 0);
  await p.stop();
});

test('a key that is unfinished is not entered twice, by however many at once', async () => {
  const hold = gate();
  let runs = 0;
  const p = await start({ kind: 'k', handle: () => hold.promise.finally(() => runs++) });
  const ids = await Promise.all(Array.from({ length: 8 }, () => p.enqueue('k', 'same')));
  assert.equal(new Set(ids).size, 1);
  assert.equal(await p.enqueue('k', 'same'), ids[0]);
  hold.resolve();
  await p.runner.idle();
  assert.notEqual(await p.enqueue('k', 'same'), ids[0]);
  await p.runner.idle();
  assert.equal(runs, 2);
  await p.stop();
});

test('a job that replaces another is one of its own, though the other is made and begun meanwhile', async () => {
  const [made, hold] = [gate(), gate()];
  const runs: string[] = [];
  const p = await start({
    kind: 'k',
    async handle({ id, payload, ctx }) {
      runs.push(`${payload} ${id}`);
      if (payload === 'old') await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
    },
  });
  const replace = (payload: string, before?: () => Promise<void>) =>
    log.db.inTx(log.ctx(tenantId), async (tx) => {
      const id = await p.queue.replace(tx, { kind: 'k', key: 'same', payload });
      await before?.();
      return `${payload} ${id}`;
    });
  const old = replace('old', async () => {
    made.resolve();
    await hold.promise;
  });
  await made.promise;
  // It waits for the other transaction, of which it sees nothing at first.
  const waiting = replace('new');
  hold.resolve();
  const [, now] = await Promise.all([old, waiting]);
  await p.runner.idle();
  assert.equal(runs.at(-1), now);
  // Begun already: it is told to stop, and the one in its place runs.
  await replace('old');
  await until(() => runs.at(-1)?.startsWith('old') ?? false);
  const last = await replace('new');
  await p.runner.idle();
  assert.deepEqual([runs.at(-1), await rows()], [last, []]);
  await p.stop();
});

test('a job waits for its time', async () => {
  const seen: string[] = [];
  const p = await start({ kind: 'k', handle: async (job) => void seen.push(job.key) });
  await p.enqueue('k', 'late', {}, new Date(Date.now() + 3_600_000));
  await p.enqueue('k', 'past', {}, new Date(Date.now() - 1000));
  await p.runner.idle();
  assert.deepEqual(seen, ['past']);
  await p.stop();
});

test('errors are retried, counted, and in the end given up: the module is told in the same transaction', async () => {
  const attempts: number[] = [];
  const told: unknown[] = [];
  const p = await start({
    kind: 'k',
    maxAttempts: 3,
    handle: async (job) => {
      attempts.push(job.attempt);
      throw Object.assign(new Error('broken'), { code: 'model_timeout' });
    },
    onGivenUp: async (tx, job, error) => {
      told.push(error);
      await tx.run(sql`insert into effects values (${job.key}, 0)`);
    },
  });
  await p.enqueue('k', 'a');
  await until(async () => (await rows()).length === 0);
  assert.deepEqual(attempts, [1, 2, 3]);
  assert.deepEqual(told, [{ message: 'broken', code: 'model_timeout' }]);
  assert.deepEqual(await effects(), [{ job: 'a', fence: 0 }]);
  assert.deepEqual(await letters(), []);
  await p.stop();
});

test('a permanent error is not retried; without onGivenUp a dead letter is left', async () => {
  let runs = 0;
  const p = await start({
    kind: 'k',
    handle: async () => {
      runs++;
      throw new PermanentError('never', 'hopeless');
    },
  });
  await p.enqueue('k', 'a', { n: 7 });
  await p.runner.idle();
  assert.equal(runs, 1);
  assert.deepEqual(await letters(), [{ stream: 'a', error_code: 'hopeless', body: { n: 7 } }]);
  await p.stop();
});

test('a giving-up that fails is tried again, never skipped', async () => {
  let told = 0;
  const p = await start({
    kind: 'k',
    maxAttempts: 1,
    handle: () => Promise.reject(new Error('broken')),
    onGivenUp: async () => {
      if (++told < 3) throw new Error('not now');
    },
  });
  await p.enqueue('k', 'a');
  await until(async () => (await rows()).length === 0);
  assert.equal(told, 3);
  await p.stop();
});

test('a job that takes too long is aborted and counts as failed, even if it does not listen', async () => {
  const signals: AbortSignal[] = [];
  const p = await start({
    kind: 'k',
    timeoutMs: 20,
    maxAttempts: 1,
    handle: (job) => {
      signals.push(job.ctx.signal);
      return new Promise((_, reject) => job.ctx.signal.addEventListener('abort', () => reject(new Error('aborted'))));
    },
  });
  await p.enqueue('k', 'a');
  await until(async () => (await letters()).length === 1);
  assert.equal((await letters())[0]?.error_code, 'timeout');
  assert.equal(signals[0]?.aborted, true);
  await p.stop();
});

test('cancelling takes back a waiting job and stops a running one, whose effect then does not count', async () => {
  const entered = gate();
  const aborted = gate();
  let lost: unknown;
  const p = await start({
    kind: 'k',
    handle: async (job) => {
      job.ctx.signal.addEventListener('abort', () => aborted.resolve());
      entered.resolve();
      await aborted.promise;
      lost = await log.db
        .inTx(log.ctx(tenantId), async (tx) => {
          await tx.run(sql`insert into effects values ('late', 0)`);
          await job.complete(tx);
        })
        .catch((error: unknown) => error);
      throw lost;
    },
  });
  const cancel = (key: string) => log.db.inTx(log.ctx(tenantId), (tx) => p.queue.cancel(tx, 'k', key));
  await p.enqueue('k', 'later', {}, new Date(Date.now() + 60_000));
  assert.equal(await cancel('later'), true);
  assert.equal(await cancel('later'), false);
  await p.enqueue('k', 'now');
  await entered.promise;
  assert.equal(await cancel('now'), true);
  await p.runner.idle();
  assert.ok(lost instanceof LeaseLost);
  assert.deepEqual(await effects(), []);
  assert.deepEqual(await rows(), []);
  await p.stop();
});

test('another process’s cancel is noticed', async () => {
  const entered = gate();
  let aborted = false;
  const p = await start({
    kind: 'k',
    handle: (job) => {
      entered.resolve();
      return new Promise((_, reject) =>
        job.ctx.signal.addEventListener('abort', () => {
          aborted = true;
          reject(new Error('aborted'));
        }),
      );
    },
  });
  await p.enqueue('k', 'a');
  await entered.promise;
  const elsewhere = createQueue();
  assert.equal(await log.db.inTx(log.ctx(tenantId), (tx) => elsewhere.cancel(tx, 'k', 'a')), true);
  await until(() => aborted);
  await p.stop();
});

test('a holder that was taken for dead cannot complete; the job is run again; exactly one effect', async () => {
  const entered = gate();
  const go = gate();
  let zombie: unknown;
  const old = await start({
    kind: 'k',
    concurrency: 1,
    handle: async (job) => {
      entered.resolve();
      await go.promise;
      await effect(job).catch((error: unknown) => {
        zombie = error;
        throw error;
      });
    },
  });
  await old.enqueue('k', 'a');
  await entered.promise;
  const ran: RunningJob[] = [];
  const next = await start({ kind: 'k', handle: (job) => effect(job, ran) });
  // It lives, and says so twice a second: until then.
  await until(async () => {
    await next.leases.freeDead();
    return (await effects()).length === 1;
  });
  go.resolve();
  await old.runner.idle();
  assert.ok(zombie instanceof Error);
  assert.deepEqual(
    ran.map(({ attempt }) => attempt),
    [2],
  );
  assert.deepEqual(await effects(), [{ job: 'a', fence: 2 }]);
  await old.stop();
  await next.stop();
});

test('a job with which three processes died is given up, and never silently', async () => {
  const p = await start({ kind: 'other', handle: async () => {} });
  await p.enqueue('k', 'poison');
  await log.db.system.run(sql`update jobs set crashes = 3 where key = 'poison'`);
  let runs = 0;
  const told: unknown[] = [];
  const next = await start({
    kind: 'k',
    handle: async () => void runs++,
    onGivenUp: async (_tx, _job, error) => void told.push(error.code),
  });
  await until(async () => (await rows()).length === 0);
  assert.equal(runs, 0);
  assert.deepEqual(told, ['crashes']);
  assert.equal((await letters())[0]?.stream, 'poison');
  await p.stop();
  await next.stop();
});

test('stopping lets a job end, aborts one that does not, and gives it back uncounted', async () => {
  const entered = gate();
  let handed: string[] = [];
  const slow: JobKind = {
    kind: 'k',
    handle: (job) => {
      handed.push(job.key);
      entered.resolve();
      return new Promise((_, reject) => job.ctx.signal.addEventListener('abort', () => reject(new Error('aborted'))));
    },
  };
  const p = await start(slow);
  await p.enqueue('k', 'a');
  await entered.promise;
  await p.stop(100);
  await p.stop(100);
  assert.deepEqual(
    (await rows()).map(({ key, state, failures, crashes }) => ({ key, state, failures, crashes })),
    [{ key: 'a', state: 'waiting', failures: 0, crashes: 0 }],
  );
  handed = [];
  const next = await start({ kind: 'k', handle: async (job) => void handed.push(`${job.key}${job.attempt}`) });
  await next.runner.idle();
  await until(() => handed.length === 1);
  assert.deepEqual(handed, ['a1']);
  await next.stop();
});

test('many processes run every job once', async () => {
  const kind: JobKind = { kind: 'k', concurrency: 3, handle: (job) => effect(job) };
  const processes = await Promise.all([start(kind), start(kind), start(kind)]);
  const keys = Array.from({ length: 60 }, (_, i) => `job${String(i).padStart(2, '0')}`);
  await Promise.all(keys.map((key, i) => processes[i % 3]?.enqueue('k', key)));
  await until(async () => (await rows()).length === 0);
  assert.deepEqual(
    (await effects()).map(({ job }) => job),
    keys,
  );
  for (const p of processes) await p.stop();
});

test('a tenant with a long backlog does not keep another waiting', async () => {
  const order: string[] = [];
  const p = await start({ kind: 'other', handle: async () => {} });
  const small = await log.makeTenant();
  for (let i = 0; i < 20; i++) await p.enqueue('k', `big${i}`);
  await p.enqueue('k', 'small', {}, undefined, small);
  const next = await start({ kind: 'k', concurrency: 2, handle: async (job) => void order.push(job.key) });
  await until(async () => (await rows()).length === 0);
  assert.equal(order.length, 21);
  assert.ok(order.indexOf('small') < 4, `small came ${order.indexOf('small')}th`);
  await p.stop();
  await next.stop();
});

test('an event and the completion of its job are one', async () => {
  const p = await start({
    kind: 'k',
    handle: (job) =>
      log.db.inTx(job.ctx, async (tx) => {
        note(tx, 'discussions/j', 1);
        await job.complete(tx);
      }),
  });
  await p.enqueue('k', 'a');
  await p.runner.idle();
  const waiting = await log.db.system.all(sql`select from outbox where tenant_id = ${tenantId}`);
  assert.equal(waiting.length, 1);
  await p.stop();
});

test('who is waited for has free hands first, and batches leave some free', async () => {
  const queue = createQueue();
  const enter = (kind: string, count: number) =>
    log.db.inTx(log.ctx(tenantId), async (tx) => {
      for (let n = 0; n < count; n++) await queue.enqueue(tx, { kind, key: `${n}`, payload: {} });
    });
  await enter('replay', 20);
  await enter('turn', 3);
  const order: string[] = [];
  const { promise: passed, resolve: open } = gate();
  const held = (kind: string, priority: 'interactive' | 'batch'): JobKind => ({
    ...{ kind, priority, concurrency: 50 },
    async handle() {
      order.push(kind);
      await passed;
    },
  });
  const leases = createLeases({ db: log.db, log: silentLog });
  await leases.start();
  const kinds = [held('replay', 'batch'), held('turn', 'interactive')];
  const runner = createJobRunner({ db: log.db, queue, leases, kinds, log: silentLog, hands: 8 });
  await runner.start();
  stops.push(async () => {
    await runner.stop(0);
    await leases.stop(1000);
  });
  await until(() => order.length === 6);
  // Eight hands: three turns, and of the six that batches may use what those leave.
  assert.deepEqual(order, ['turn', 'turn', 'turn', 'replay', 'replay', 'replay']);
  await enter('turn', 5);
  await until(() => order.length === 8);
  assert.deepEqual(order.slice(6), ['turn', 'turn'], 'those that were left free');
  open();
  await runner.idle();
  assert.equal(order.length, 25);
});

test('of jobs that were given up with one key, each piece of work has its letter; the same again has one', async () => {
  const p = await start({
    kind: 'hopeless',
    handle: async () => {
      throw new PermanentError('no');
    },
  });
  for (const n of [1, 2, 1, 1]) {
    await p.enqueue('hopeless', 'key', { n });
    await p.runner.idle();
  }
  assert.deepEqual((await letters()).map(({ body }) => body).sort(), [{ n: 1 }, { n: 2 }]);
});
