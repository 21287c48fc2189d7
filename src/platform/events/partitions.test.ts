import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { note, type TestLog, testLog } from '../../../test/support/log.ts';
import { silentLog } from '../telemetry/log.ts';
import { extendShard, PARTITION_SIZE, type Partition, planUpkeep, retentionSchedule } from './partitions.ts';
import { shardOf } from './shards.ts';

const DAY = 86_400_000;
const NOW = new Date('2026-06-15T12:00:00Z');
const ago = (days: number) => new Date(NOW.getTime() - days * DAY);
const partition = (from: number, to: number, oldest?: number, newest?: number): Partition => ({
  from,
  to,
  oldest: oldest === undefined ? undefined : ago(oldest),
  newest: newest === undefined ? undefined : ago(newest),
});

const TABLE: [string, Partition[], { next: number; consumedTo?: number }, { seal?: number; drop: number[] }][] = [
  ['nothing was ever written', [partition(1, 100)], { next: 1 }, { drop: [] }],
  ['what is being written stays open for a day', [partition(1, 100, 0.9, 0)], { next: 50 }, { drop: [] }],
  ['and is sealed then', [partition(1, 100, 1.1, 0)], { next: 50 }, { seal: 1, drop: [] }],
  ['a full one needs no seal', [partition(1, 100, 2, 1), partition(100, 200)], { next: 100 }, { drop: [] }],
  ['what is old goes', [partition(1, 50, 9, 8), partition(50, 150, 0.5, 0)], { next: 60 }, { drop: [1] }],
  ['the newest event counts', [partition(1, 50, 9, 6.9), partition(50, 150, 0.5, 0)], { next: 60 }, { drop: [] }],
  [
    'a consumer that has not seen it holds it back, and all after it',
    [partition(1, 50, 20, 19), partition(50, 90, 12, 11), partition(90, 190, 0.5, 0)],
    { next: 100, consumedTo: 48 },
    { drop: [] },
  ],
  [
    'seen to the last event is seen',
    [partition(1, 50, 20, 19), partition(50, 90, 12, 11), partition(90, 190, 0.5, 0)],
    { next: 100, consumedTo: 49 },
    { drop: [1] },
  ],
  ['one that is written is never dropped', [partition(1, 100, 20, 19)], { next: 50 }, { seal: 1, drop: [] }],
  ['an empty one ahead is left alone', [partition(1, 50, 9, 8), partition(50, 150)], { next: 50 }, { drop: [1] }],
];

for (const [name, partitions, { next, consumedTo = next - 1 }, expected] of TABLE)
  test(`upkeep: ${name}`, () => {
    const { seal, drop } = planUpkeep(partitions, { now: NOW, keepMs: 7 * DAY, next, consumedTo });
    assert.deepEqual({ seal: seal?.from, drop: drop.map(({ from }) => from) }, { seal: undefined, ...expected });
  });

let log: TestLog;
before(async () => {
  log = await testLog();
});
after(() => log.close());

const partitionsOf = (shard: number) =>
  log.db.system.all<{ from_position: number; to_position: number }>(sql`
    select from_position, to_position from log_partitions where shard = ${shard} order by from_position`);
/** What the database itself says: the tables below `events`. */
const tables = async (shard: number) => {
  const rows = await log.db.system.all<{ name: string }>(sql`
    select relname as name from pg_class join pg_inherits on inhrelid = oid
     where inhparent = 'events'::regclass and relname like ${`events\\_${shard}\\_%`} order by relname`);
  return rows.map(({ name }) => name);
};

test('old partitions are sealed and dropped while events are written, and positions go on without a hole', async () => {
  const tenantId = await log.makeTenant();
  const shard = shardOf(tenantId);
  const process = await log.process();
  const write = (n: number) =>
    log.db.inTx(log.ctx(tenantId), async (tx) => {
      for (let i = 1; i <= n; i++) note(tx, 'discussions/p', i);
    });
  let now = new Date();
  const upkeep = retentionSchedule({
    ...{ db: log.db, log: silentLog, retentionDays: 7, groups: () => ['reader'] },
    now: () => now,
  });
  const run = () => upkeep.run(new AbortController().signal);
  await log.db.system.run(sql`insert into consumer_offsets values ('reader', ${shard}, 0)`);

  await write(5);
  await process.sequencer.idle();
  await run();
  assert.deepEqual(await partitionsOf(shard), [{ from_position: 1, to_position: PARTITION_SIZE + 1 }]);

  now = new Date(now.getTime() + 2 * DAY);
  await Promise.all([run(), write(3), write(3)]);
  await process.sequencer.idle();
  const [first, second] = await partitionsOf(shard);
  assert.equal(first?.to_position, second?.from_position);
  assert.equal(second?.to_position, PARTITION_SIZE + 1);
  assert.equal((await tables(shard)).length, 2);

  now = new Date(now.getTime() + 8 * DAY);
  await run();
  assert.equal((await partitionsOf(shard))[0]?.from_position, 1, 'a consumer has not seen it');
  await log.db.system.run(sql`update consumer_offsets set position = 11 where group_name = 'reader'`);
  await run();
  await write(1);
  await process.sequencer.idle();
  const kept = (await log.events(tenantId)).map(({ position }) => position);
  const horizon = (await partitionsOf(shard))[0]?.from_position ?? 0;
  assert.ok(horizon > 1);
  assert.deepEqual(
    kept,
    Array.from({ length: 13 - horizon }, (_, i) => horizon + i),
  );
  assert.equal(process.feed.head(shard), 12);
  await process.feed.caughtUp();
  assert.equal(process.feed.horizon(shard), horizon);
  await process.stop();
});

test('a shard always has room for half a partition more, however many make it at once', async () => {
  const shard = 7;
  await log.db.system.run(sql`update log_shards set next_position = ${PARTITION_SIZE / 2 + 1} where shard = ${shard}`);
  const ends = await Promise.all(Array.from({ length: 4 }, () => extendShard(log.db, shard)));
  assert.deepEqual(new Set(ends), new Set([2 * PARTITION_SIZE + 1]));
  assert.equal((await tables(shard)).length, 2);
  assert.equal(await extendShard(log.db, shard), 2 * PARTITION_SIZE + 1);
  assert.equal((await tables(shard)).length, 2);
});

test('nobody reads past the parent: partitions are closed to both roles', async () => {
  const rows = await log.db.system.all<{ open: boolean; forced: boolean }>(sql`
    select has_table_privilege('parley_app', oid, 'select') or has_table_privilege('parley_system', oid, 'select') as open,
           relrowsecurity and relforcerowsecurity as forced
      from pg_class join pg_inherits on inhrelid = oid where inhparent = 'events'::regclass`);
  assert.ok(rows.length >= 8);
  assert.ok(rows.every(({ open, forced }) => !open && forced));
});
