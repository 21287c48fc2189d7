import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { note, noted, type TestLog, testLog } from '../../../test/support/log.ts';
import { silentLog } from '../telemetry/log.ts';
import type { LogEvent } from './define.ts';
import { createFeed, type Feed } from './feed.ts';
import { createEventTypes } from './registry.ts';
import { shardOf } from './shards.ts';
import type { Tail } from './tail.ts';
import { createMemoryTail } from './tail-memory.ts';

let log: TestLog;
let tenantId: string;
let feed: Feed;
before(async () => {
  log = await testLog();
});
beforeEach(async () => {
  tenantId = await log.makeTenant();
});
afterEach(() => feed.stop(1000));
after(() => log.close());

const write = async (count: number) => {
  for (let n = 1; n <= count; n++)
    await log.db.inTx(log.ctx(tenantId), async (tx) => void note(tx, 'discussions/f', n));
};

/** A feed over a tail that treats what is published as `spoil` says, and what it delivered of the tenant's shard. */
async function follow(spoil: (events: readonly LogEvent[]) => readonly LogEvent[][]) {
  const inner = createMemoryTail();
  const tail: Tail = {
    ...inner,
    publish: (shard, events) => {
      for (const batch of spoil(events)) inner.publish(shard, batch);
    },
  };
  const process = await log.process({ tail });
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

test('a tail that delivers everything needs no log', async () => {
  const { delivered } = await follow((events) => [[...events]]);
  await write(20);
  assert.deepEqual(await delivered(), upTo(20));
});

test('what a tail loses is read from the log, in its place', async () => {
  let i = 0;
  const { delivered } = await follow((events) => events.filter(() => i++ % 3 !== 1).map((event) => [event]));
  await write(30);
  assert.deepEqual(await delivered(), upTo(30));
});

test('a tail that is dead from the start, or only at the end, hides nothing', async () => {
  const { delivered } = await follow(() => []);
  await write(5);
  assert.deepEqual(await delivered(), upTo(5));
});

test('what a tail repeats is dropped', async () => {
  const before: LogEvent[] = [];
  const { delivered } = await follow((events) => {
    before.push(...events);
    return [[...events], [...events], before.slice(-5)];
  });
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
  assert.ok(feed.lagMs() < 1000);
  await delivered();
});
