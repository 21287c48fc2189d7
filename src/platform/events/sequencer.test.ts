import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { sql } from 'kysely';
import { type Noted, note, type TestLog, testLog, until } from '../../../test/support/log.ts';
import { createLeases } from '../leases/leases.ts';
import { silentLog } from '../telemetry/log.ts';
import { shardOf } from './shards.ts';
import * as q from './sql.ts';

let log: TestLog;
before(async () => {
  log = await testLog();
  await log.asOwner(`
    create table counters (stream text primary key, n int);
    create table copy (seq serial, n int);
    grant all on counters, copy, copy_seq_seq to parley_app, parley_system`);
});
after(() => log.close());

const WRITERS = 12;
const EACH = 40;

/**
 * Many writers at once into few streams, each taking its number from a locked counter (so that numbers follow the
 * commits of a stream), with transactions that roll back and one that stays open long.
 */
async function write(tenantId: string): Promise<void> {
  const ctx = log.ctx(tenantId);
  const writer = async (id: number) => {
    for (let i = 0; i < EACH; i++) {
      const stream = `discussions/${(id + i) % 3}`;
      const fails = (id + i) % 5 === 0;
      await log.db
        .inTx(ctx, async (tx) => {
          const row = await tx.first<{ n: number }>(
            sql`insert into counters values (${`${tenantId}/${stream}`}, 1)
                on conflict (stream) do update set n = counters.n + 1 returning n`,
          );
          note(tx, stream, row?.n ?? 0, id);
          if (id === 0 && i % 10 === 1) await tx.run(sql`select pg_sleep(0.03)`);
          if (fails) throw new Error('rolled back');
        })
        .catch((error: Error) => assert.equal(error.message, 'rolled back'));
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, id) => writer(id)));
}

function assertWhole(events: readonly Noted[], tenantId: string): void {
  assertCounts(events.map(({ position }) => position));
  const own = events.filter(({ tenantid }) => tenantid === tenantId);
  assert.equal(own.length, WRITERS * EACH * 0.8);
  for (const ofStream of Map.groupBy(own, (event) => event.stream).values())
    assertCounts(ofStream.map(({ data }) => data.n));
}

test('no event is lost, doubled or out of its stream’s commit order, under many writers', async () => {
  const process = await log.process();
  const tenantId = await log.makeTenant();
  const live: Noted[] = [];
  process.feed.follow((shard, events) => {
    if (shard === shardOf(tenantId)) live.push(...(events as Noted[]));
  });
  await write(tenantId);
  await process.sequencer.idle();
  const events = await log.events(tenantId);
  assertWhole(events, tenantId);
  assert.deepEqual(
    live,
    events.map((event) => ({ ...event, epoch: process.feed.epoch() })),
  );
  await process.stop();
});

test('a relay that follows the outbox’s numbers loses what commits late, where the sequencer does not', async () => {
  const tenantId = await log.makeTenant();
  const ctx = log.ctx(tenantId);
  const process = await log.process();
  const naive: number[] = [];
  let last = 0;
  // A copy that the sequencer does not empty, read the naive way: everything above the last number seen.
  const read = async () => {
    const rows = await log.db.system.all<{ seq: number; n: number }>(
      sql`select * from copy where seq > ${last} order by seq`,
    );
    for (const row of rows) naive.push(row.n);
    last = rows.at(-1)?.seq ?? last;
  };
  const writeBoth = (n: number, then: () => Promise<void>) =>
    log.db.inTx(ctx, async (tx) => {
      note(tx, `discussions/${n}`, n);
      await tx.run(sql`insert into copy (n) values (${n})`);
      await then();
    });
  await writeBoth(1, async () => {
    await writeBoth(2, async () => {});
    await read();
  });
  await read();
  await process.sequencer.idle();
  assert.deepEqual(naive, [2]);
  const logged = (await log.events(tenantId)).filter(({ tenantid }) => tenantid === tenantId);
  assert.deepEqual(logged.map(({ data }) => data.n).sort(), [1, 2]);
  await process.stop();
});

test('of two sequencers only the newest holder moves anything', async () => {
  const tenantId = await log.makeTenant();
  const shard = shardOf(tenantId);
  const first = await log.process();
  await until(async () => (await fenceOf(shard)) > 0);
  const old = await fenceOf(shard);
  // The first believes that it holds the shard; the second has taken it over.
  const leases = createLeases({ db: log.db, log: silentLog });
  await leases.start();
  leases.keep([`sequencer/${shard}`], ({ fence }) => void log.db.system.run(q.raiseFence(shard, fence)));
  // The first says twice a second that it lives: until then.
  await until(async () => {
    await leases.freeDead();
    leases.look();
    return (await fenceOf(shard)) > old;
  });
  const before = (await log.events(tenantId)).length;
  await log.db.inTx(log.ctx(tenantId), async (tx) => void note(tx, 'discussions/x', 1));
  assert.deepEqual(await log.db.system.all(q.moveBatch([{ shard, fence: old }], 500)), []);
  await first.sequencer.idle();
  assert.equal((await log.events(tenantId)).length, before);
  const moved = await log.db.system.all(q.moveBatch([{ shard, fence: await fenceOf(shard) }], 500));
  assert.equal(moved.length, 1);
  await leases.stop(1000);
  await first.stop();
});

test('two sequencers that both believe in their lease leave no hole and no double', async () => {
  const tenantId = await log.makeTenant();
  const shard = shardOf(tenantId);
  const ctx = log.ctx(tenantId);
  const fence = (await fenceOf(shard)) + 1;
  await log.db.system.run(q.raiseFence(shard, fence));
  const writing = Promise.all(
    Array.from({ length: 6 }, async (_, id) => {
      for (let i = 0; i < 30; i++) await log.db.inTx(ctx, async (tx) => void note(tx, `discussions/${id}`, i + 1, id));
    }),
  );
  let over = false;
  const relay = async () => {
    while (!over) {
      await log.db.system.all(q.moveBatch([{ shard, fence }], 7));
      await turn();
    }
  };
  const relays = Promise.all([relay(), relay()]);
  await writing;
  over = true;
  await relays;
  while ((await log.db.system.all(q.moveBatch([{ shard, fence }], 500))).length > 0);
  const events = await log.events(tenantId);
  assertCounts(events.map(({ position }) => position));
  const own = events.filter(({ tenantid }) => tenantid === tenantId);
  assert.equal(own.length, 180);
  for (const ofStream of Map.groupBy(own, (event) => event.stream).values())
    assertCounts(ofStream.map(({ data }) => data.n));
});

async function fenceOf(shard: number): Promise<number> {
  const row = await log.db.system.first<{ fence: number }>(sql`select fence from log_shards where shard = ${shard}`);
  return row?.fence ?? 0;
}

/** 1, 2, 3 … */
function assertCounts(numbers: readonly number[]): void {
  assert.deepEqual(
    numbers,
    Array.from(numbers, (_, i) => i + 1),
  );
}
