import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { note, noted, type TestLog, testLog, until } from '../../../test/support/log.ts';
import { noRedis, type OwnRedis, ownRedis } from '../../../test/support/redis.ts';
import { silentLog } from '../telemetry/log.ts';
import type { LogEvent } from './define.ts';
import { createFeed, type Feed } from './feed.ts';
import { createEventTypes } from './registry.ts';
import { shardOf } from './shards.ts';
import type { Tail } from './tail.ts';
import { createMemoryTail } from './tail-memory.ts';
import { createRedisTail } from './tail-redis.ts';

let log: TestLog;
let tenantId: string;
let feed: Feed;
let redis: OwnRedis | undefined;
before(async () => {
  [log, redis] = await Promise.all([testLog(), noRedis ? undefined : ownRedis()]);
});
beforeEach(async () => {
  tenantId = await log.makeTenant();
});
afterEach(async () => {
  await feed.stop(1000);
  for (const tail of closing.splice(0)) await tail.close();
});
after(async () => {
  await log.close();
  await redis?.close();
});

const write = async (count: number) => {
  for (let n = 1; n <= count; n++)
    await log.db.inTx(log.ctx(tenantId), async (tx) => void note(tx, 'discussions/f', n));
};

/** The tails of two processes: where the sequencer is, and where the feed is. */
async function tails(kind: Kind): Promise<{ there: Tail; here: Tail }> {
  if (kind === 'memory') {
    const tail = createMemoryTail();
    return { there: tail, here: tail };
  }
  const open = async () => createRedisTail({ redis: await (redis as OwnRedis).open(), log: silentLog });
  const [there, here] = [await open(), await open()];
  closing.push(there, here);
  here.follow(0, () => {});
  await until(() => here.alive());
  return { there, here };
}

type Kind = 'memory' | 'redis';
const KINDS: readonly Kind[] = noRedis ? ['memory'] : ['memory', 'redis'];
const closing: Tail[] = [];
const onBoth = (name: string, body: (kind: Kind) => Promise<void>) => {
  for (const kind of KINDS) test(`${name} (${kind})`, () => body(kind));
};

/** A feed over a tail that treats what is published as `spoil` says, and what it delivered of the tenant's shard. */
async function follow(spoil: (events: readonly LogEvent[]) => readonly LogEvent[][], kind: Kind = 'memory') {
  const { there, here } = await tails(kind);
  const spoilt: Tail = {
    follow: there.follow.bind(there),
    ...{ pass() {}, hear: () => () => {}, alive: () => true, close: async () => {} },
    publish: (shard, events) => {
      for (const batch of spoil(events)) there.publish(shard, batch);
    },
  };
  const process = await log.process({ tail: spoilt });
  const tail = here;
  const types = createEventTypes();
  types.register([noted]);
  feed = createFeed({ db: log.db, tail, types, log: silentLog });
  await feed.start();
  const first = feed.head(shardOf(tenantId)) + 1;
  const seen: LogEvent[] = [];
  feed.follow((shard, events) => {
    if (shard === shardOf(tenantId)) seen.push(...events);
  });
  return {
    async delivered() {
      await process.sequencer.idle();
      await feed.caughtUp();
      await process.stop();
      const head = feed.head(shardOf(tenantId));
      assert.deepEqual(
        seen.map(({ position }) => position),
        Array.from({ length: head - first + 1 }, (_, i) => first + i),
      );
      return seen.filter(({ tenantid }) => tenantid === tenantId).map(({ data }) => (data as { n: number }).n);
    },
  };
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

onBoth('a tail that delivers everything needs no log', async (kind) => {
  const { delivered } = await follow((events) => [[...events]], kind);
  await write(20);
  assert.deepEqual(await delivered(), upTo(20));
});

onBoth('what a tail loses is read from the log, in its place', async (kind) => {
  let i = 0;
  const { delivered } = await follow((events) => events.filter(() => i++ % 3 !== 1).map((event) => [event]), kind);
  await write(30);
  assert.deepEqual(await delivered(), upTo(30));
});

onBoth('a tail that is dead from the start, or only at the end, hides nothing', async (kind) => {
  const { delivered } = await follow(() => [], kind);
  await write(5);
  assert.deepEqual(await delivered(), upTo(5));
});

onBoth('what a tail repeats is dropped', async (kind) => {
  const before: LogEvent[] = [];
  const { delivered } = await follow((events) => {
    before.push(...events);
    return [[...events], [...events], before.slice(-5)];
  }, kind);
  await write(12);
  assert.deepEqual(await delivered(), upTo(12));
});

test('recent events come from memory, older ones from the log, and both are the same', async () => {
  const { delivered } = await follow((events) => [[...events]]);
  const shard = shardOf(tenantId);
  const start = feed.head(shard);
  await write(8);
  await delivered();
  const recent = feed.recent(shard, start + 2);
  assert.equal(recent?.length, 6);
  assert.equal(feed.recent(shard, start - 1), undefined);
  const older = await feed.read(shard, start - 1, 100);
  assert.deepEqual(older.slice(-6), recent);
  assert.deepEqual(await feed.read(shard, feed.head(shard), 10), []);
  assert.deepEqual(
    (await feed.read(shard, start, 3)).map(({ position }) => position - start),
    [1, 2, 3],
  );
});

test('the lag says how long ago the feed was last known to be current', async () => {
  const { delivered } = await follow((events) => [[...events]]);
  const asked = performance.now();
  await until(() => performance.now() - feed.lagMs() > asked);
  await delivered();
});

test('an event on its way is no lag: what counts is whether the feed came to where the log stood', async () => {
  // The tail delivers nothing, so that the look finds the feed behind, and the log is read after it.
  const { delivered } = await follow(() => []);
  const asked = performance.now();
  await write(3);
  assert.deepEqual(await delivered(), upTo(3));
  // What was on its way when it last looked is known to be all at its next look.
  await until(() => performance.now() - feed.lagMs() >= asked);
});

test('a log that went back ends the process, and cursors of before are told apart', async () => {
  const { delivered } = await follow((events) => [[...events]]);
  await write(3);
  await delivered();
  await feed.stop(1000);
  const types = createEventTypes();
  types.register([noted]);
  const lost: Error[] = [];
  feed = createFeed({
    db: log.db,
    tail: createMemoryTail(),
    types,
    log: silentLog,
    onLost: (error) => lost.push(error),
  });
  await feed.start();
  const [epoch, shard] = [feed.epoch(), shardOf(tenantId)];
  await feed.caughtUp();
  assert.deepEqual(lost, []);
  await log.asOwner(`update log_shards set next_position = next_position - 2 where shard = ${shard}`);
  await assert.rejects(feed.caughtUp(), /the database has lost them/);
  assert.match(String(lost[0]), new RegExp(`Shard ${shard} of the log ends at ${feed.head(shard) - 2}`));
  await log.asOwner(`update log_shards set next_position = next_position + 2 where shard = ${shard}`);
  const other = createFeed({ db: log.db, tail: createMemoryTail(), types, log: silentLog });
  await other.start();
  assert.notEqual(other.epoch(), epoch);
  await other.stop(1000);
});

test('without Redis, and with it again, the feed goes on', { skip: noRedis }, async () => {
  const own = await ownRedis();
  const open = async () => createRedisTail({ redis: await own.open(), log: silentLog });
  const [there, here] = [await open(), await open()];
  closing.push(there, here);
  const process = await log.process({ tail: there });
  const types = createEventTypes();
  types.register([noted]);
  feed = createFeed({ db: log.db, tail: here, types, log: silentLog });
  await feed.start();
  await until(() => here.alive());
  const seen: number[] = [];
  feed.follow((_shard, events) => seen.push(...events.map(({ data }) => (data as { n: number }).n)));
  await write(3);
  await until(() => seen.length === 3);
  await own.kill();
  await write(3);
  await until(() => seen.length === 6);
  const again = await ownRedis({ port: own.port });
  await until(() => here.alive());
  await write(3);
  await until(() => seen.length === 9);
  assert.deepEqual(seen, [1, 2, 3, 1, 2, 3, 1, 2, 3]);
  await process.stop();
  await own.close();
  await again.close();
});
