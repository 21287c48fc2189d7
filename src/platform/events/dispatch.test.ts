import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { sql } from 'kysely';
import { type Noted, note, noted, type TestLog, testLog, until } from '../../../test/support/log.ts';
import { createDeadLetters } from '../dead-letters/dead-letters.ts';
import { PermanentError } from '../jobs/define.ts';
import { createQueue } from '../jobs/queue.ts';
import { silentLog } from '../telemetry/log.ts';
import { createTracer } from '../telemetry/trace.ts';
import type { Consumer } from './consumer.ts';
import { createDispatch } from './dispatch.ts';
import { createEventTypes } from './registry.ts';
import { shardOf } from './shards.ts';
import { raiseFence, takePlace } from './sql.ts';

let log: TestLog;
let tenantId: string;
let run = 0;
const deadLetters = createDeadLetters({ queue: createQueue() });
const stops: (() => Promise<void>)[] = [];

before(async () => {
  log = await testLog();
  await log.asOwner(`
    create table effects (id serial, grp text, stream text, n int, primary key (grp, stream, n));
    grant all on effects, effects_id_seq to parley_app, parley_system`);
});
beforeEach(async () => {
  tenantId = await log.makeTenant();
  run++;
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});
after(() => log.close());

const group = () => `group${run}`;

/** A handler that leaves a row: a second effect of one event would violate its key. */
const leaveRow = (tx: Parameters<Consumer['handle']>[0], event: Noted) =>
  tx.run(sql`insert into effects (grp, stream, n) values (${group()}, ${event.stream}, ${event.data.n})`);

const consumer = (handle: (tx: Parameters<Consumer['handle']>[0], event: Noted) => Promise<unknown>): Consumer => ({
  group: group(),
  types: [noted],
  // A new group begins with the kept log, in which there are the events of other tests.
  handle: async (tx, event) => {
    if (event.tenantid === tenantId) await handle(tx, event as Noted);
  },
});

async function start(...consumers: Consumer[]) {
  const process = await log.process();
  const types = createEventTypes();
  types.register([noted]);
  const dispatch = createDispatch({
    db: log.db,
    leases: process.leases,
    feed: process.feed,
    types,
    consumers,
    deadLetters,
    tracer: createTracer(),
    log: silentLog,
    backoff: { baseMs: 1, capMs: 2 },
  });
  await dispatch.start();
  const stop = async () => {
    await dispatch.stop(1000);
    await process.stop();
  };
  stops.push(stop);
  return {
    dispatch,
    stop,
    settle: async () => {
      await process.sequencer.idle();
      await process.feed.caughtUp();
      await dispatch.idle();
    },
  };
}

const announce = (stream: string, ...numbers: number[]) =>
  log.db.inTx(log.ctx(tenantId), async (tx) => {
    for (const n of numbers) note(tx, stream, n);
  });
const effects = async (stream?: string) => {
  const rows = await log.db.system.all<{ stream: string; n: number }>(sql`
    select stream, n from effects where grp = ${group()} order by id`);
  return rows.filter((row) => stream === undefined || row.stream === stream).map(({ n }) => n);
};
const letters = () =>
  log.db.system.all<{ stream: string; n: number; status: string; error_code: string | null; attempts: number }>(sql`
    select stream, (body->'data'->>'n')::int as n, status, error_code, attempts from dead_letters
     where group_name = ${group()} and tenant_id = ${tenantId} order by position`);
const requeueAll = () => log.db.inTx(log.ctx(tenantId), (tx) => deadLetters.requeue(tx, { group: group() }));
const offset = async () => {
  const row = await log.db.system.first<{ position: number }>(sql`
    select position from consumer_offsets where group_name = ${group()} and shard = ${shardOf(tenantId)}`);
  return row?.position;
};

test('each event has its effect once, in order within its stream, also for a group that begins later', async () => {
  await announce('discussions/a', 1, 2);
  const p = await start(consumer(leaveRow));
  await Promise.all([announce('discussions/a', 3), announce('discussions/b', 1, 2)]);
  await announce('discussions/a', 4);
  await p.settle();
  assert.deepEqual(await effects('discussions/a'), [1, 2, 3, 4]);
  assert.deepEqual(await effects('discussions/b'), [1, 2]);
});

test('a restart goes on where the group was, and repeats nothing', async () => {
  const first = await start(consumer(leaveRow));
  await announce('discussions/a', 1, 2);
  await first.settle();
  await first.stop();
  const before = await offset();
  assert.equal(before, (await log.events(tenantId)).at(-1)?.position);
  const second = await start(consumer(leaveRow));
  await announce('discussions/a', 3);
  await second.settle();
  assert.deepEqual(await effects(), [1, 2, 3]);
});

test('a stop gives every shard back at once but those where a handler is under way', async () => {
  const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const first = await start(
    consumer(async (tx, event) => {
      begun.resolve();
      await gate.promise;
      await leaveRow(tx, event);
    }),
  );
  await announce('discussions/a', 1);
  await begun.promise;
  const stopped = first.stop();
  const held = async () => {
    const rows = await log.db.system.all<{ name: string }>(sql`
      select name from leases where name like ${`consumer/${group()}/%`} and holder is not null`);
    return rows.map(({ name }) => name);
  };
  await until(async () => (await held()).length === 1);
  assert.deepEqual(await held(), [`consumer/${group()}/${shardOf(tenantId)}`]);
  gate.resolve();
  await stopped;
  assert.deepEqual([await effects(), await held()], [[1], []]);
});

test('offsets that were not saved before a crash repeat no effect: the inbox knows', async () => {
  const first = await start(consumer(leaveRow));
  await announce('discussions/a', 1, 2, 3);
  await first.settle();
  const seen: number[] = [];
  await first.stop();
  await log.db.system.run(sql`update consumer_offsets set position = 0 where group_name = ${group()}`);
  for (const { position, tenantid } of await log.events(tenantId))
    if (tenantid === tenantId)
      await log.db.system.run(sql`
        insert into inbox values (${tenantId}, ${group()}, ${shardOf(tenantId)}, ${position})`);
  const second = await start(
    consumer(async (tx, event) => {
      seen.push(event.data.n);
      return leaveRow(tx, event);
    }),
  );
  await second.settle();
  assert.deepEqual(seen, []);
});

test('what fails is tried again, and its effects of failed tries are rolled back', async () => {
  let tries = 0;
  const p = await start(
    consumer(async (tx, event) => {
      await leaveRow(tx, event);
      if (++tries < 3) throw new Error('not yet');
    }),
  );
  await announce('discussions/a', 1);
  await p.settle();
  assert.equal(tries, 3);
  assert.deepEqual(await effects(), [1]);
  assert.deepEqual(await letters(), []);
});

test('a poisoned stream parks itself and what follows, in order; the others go on', async () => {
  const p = await start(
    consumer(async (tx, event) => {
      if (event.stream === 'discussions/bad' && event.data.n === 2) throw new PermanentError('hopeless', 'poison');
      return leaveRow(tx, event);
    }),
  );
  await announce('discussions/bad', 1, 2, 3);
  await announce('discussions/good', 1);
  await announce('discussions/bad', 4);
  await announce('discussions/good', 2);
  await p.settle();
  assert.deepEqual(await effects('discussions/bad'), [1]);
  assert.deepEqual(await effects('discussions/good'), [1, 2]);
  assert.deepEqual(await letters(), [
    { stream: 'discussions/bad', n: 2, status: 'failed', error_code: 'poison', attempts: 1 },
    { stream: 'discussions/bad', n: 3, status: 'parked', error_code: null, attempts: 0 },
    { stream: 'discussions/bad', n: 4, status: 'parked', error_code: null, attempts: 0 },
  ]);
});

test('requeued letters are handled in order, before what comes meanwhile, and then the stream flows again', async () => {
  let broken = true;
  const p = await start(
    consumer(async (tx, event) => {
      if (broken) throw new PermanentError('broken');
      return leaveRow(tx, event);
    }),
  );
  await announce('discussions/a', 1, 2, 3);
  await p.settle();
  await requeueAll();
  await p.settle();
  assert.deepEqual(
    (await letters()).map(({ status }) => status),
    ['failed', 'parked', 'parked'],
  );
  broken = false;
  await requeueAll();
  await announce('discussions/a', 4);
  await p.settle();
  await until(async () => (await letters()).length === 0);
  await announce('discussions/a', 5);
  await p.settle();
  assert.deepEqual(await effects(), [1, 2, 3, 4, 5]);
});

test('discarding the poisoned event lets what was parked behind it go on', async () => {
  const p = await start(
    consumer(async (tx, event) => {
      if (event.data.n === 1) throw new PermanentError('broken');
      return leaveRow(tx, event);
    }),
  );
  await announce('discussions/a', 1, 2, 3);
  await p.settle();
  const ctx = log.ctx(tenantId);
  const [failed] = await deadLetters.list(log.db.reader(ctx), { status: 'failed', before: undefined, limit: 10 });
  const foreign = log.ctx(await log.makeTenant());
  const ids = [failed?.id ?? ''];
  assert.equal(await log.db.inTx(foreign, (tx) => deadLetters.discard(tx, { ids })), 0);
  assert.equal(await log.db.inTx(ctx, (tx) => deadLetters.discard(tx, { ids })), 1);
  await p.settle();
  assert.deepEqual(await effects(), [2, 3]);
  assert.deepEqual(await letters(), []);
});

test('a stream stays parked across a restart', async () => {
  const bad = consumer(async () => {
    throw new PermanentError('broken');
  });
  const first = await start(bad);
  await announce('discussions/a', 1);
  await first.settle();
  await first.stop();
  const second = await start(consumer(leaveRow));
  await announce('discussions/a', 2);
  await second.settle();
  assert.deepEqual(await effects(), []);
  assert.deepEqual(
    (await letters()).map(({ status }) => status),
    ['failed', 'parked'],
  );
});

test('a handler that hangs is cut off, cannot commit afterwards, and counts as failed', async () => {
  let release = () => {};
  const hang = new Promise<void>((resolve) => {
    release = resolve;
  });
  const base = consumer(async (tx, event) => {
    await hang;
    return leaveRow(tx, event);
  });
  const p = await start({ ...base, timeoutMs: 20, maxAttempts: 2 });
  await announce('discussions/a', 1);
  await p.settle();
  release();
  assert.equal((await letters())[0]?.error_code, 'timeout');
  assert.equal((await letters())[0]?.attempts, 2);
  assert.deepEqual(await effects(), []);
});

test('a holder that was replaced cannot have an effect', async () => {
  let entered = () => {};
  const inside = new Promise<void>((resolve) => {
    entered = resolve;
  });
  let go = () => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  let calls = 0;
  const p = await start(
    consumer(async (tx, event) => {
      if (calls++ === 0) {
        entered();
        await gate;
        throw new Error('the first try fails');
      }
      return leaveRow(tx, event);
    }),
  );
  await announce('discussions/a', 1);
  await inside;
  // Another process has taken the place; this one still believes in its lease.
  await log.db.system.run(takePlace(group(), shardOf(tenantId), 1000));
  await log.db.system.run(raiseFence(shardOf(tenantId), 0));
  go();
  await p.dispatch.idle();
  assert.equal(calls, 1);
  assert.deepEqual(await effects(), []);
});

test('an event with which processes keep dying is put aside, and only that', async () => {
  const first = await start(consumer(leaveRow));
  await first.settle();
  await first.stop();
  await announce('discussions/a', 1);
  await announce('discussions/b', 1);
  const p0 = await start();
  await p0.settle();
  const position = (await log.events(tenantId)).find(({ tenantid }) => tenantid === tenantId)?.position;
  await p0.stop();
  // As two processes left it that died with this event, and a third that did not give its lease back.
  await log.db.system.run(sql`
    update consumer_offsets set trying = ${position}, crashes = 1
     where group_name = ${group()} and shard = ${shardOf(tenantId)}`);
  await log.db.system.run(sql`
    update leases set holder = gen_random_uuid() where name = ${`consumer/${group()}/${shardOf(tenantId)}`}`);
  const p = await start(consumer(leaveRow));
  await p.settle();
  assert.deepEqual(
    (await letters()).map(({ stream, error_code }) => ({ stream, error_code })),
    [{ stream: 'discussions/a', error_code: 'crashes' }],
  );
  assert.deepEqual(await effects('discussions/b'), [1]);
});

test('two processes share the lanes, and no effect is doubled when one ends', async () => {
  const a = await start(consumer(leaveRow));
  const b = await start(consumer(leaveRow));
  await announce('discussions/a', 1, 2);
  await until(async () => (await effects()).length === 2);
  await a.stop();
  await announce('discussions/a', 3, 4);
  await until(async () => (await effects()).length === 4);
  assert.deepEqual(await effects(), [1, 2, 3, 4]);
  await b.stop();
});

test('letters that are requeued by many at once, while more fail, are all handled once and in order', async () => {
  let broken = true;
  const p = await start(
    consumer(async (tx, event) => {
      if (broken || (event.data.n === 7 && event.stream.endsWith('3'))) throw new PermanentError('broken');
      return leaveRow(tx, event);
    }),
  );
  const streams = Array.from({ length: 12 }, (_, i) => `discussions/${i}`);
  for (let n = 1; n <= 6; n++) await Promise.all(streams.map((stream) => announce(stream, n)));
  await p.settle();
  assert.equal((await letters()).length, 72);
  broken = false;
  const ids = (await deadLetters.list(log.db.reader(log.ctx(tenantId)), { before: undefined, limit: 100 })).map(
    ({ id }) => id,
  );
  const one = (id: string) => log.db.inTx(log.ctx(tenantId), (tx) => deadLetters.requeue(tx, { ids: [id] }));
  await Promise.all([
    ...ids.filter((_, i) => i % 5 === 0).map(one),
    requeueAll(),
    requeueAll(),
    ...streams.map((s) => announce(s, 7, 8)),
  ]);
  await p.settle();
  await until(async () => (await letters()).length === 2);
  for (const stream of streams.filter((name) => !name.endsWith('3')))
    assert.deepEqual(await effects(stream), [1, 2, 3, 4, 5, 6, 7, 8], stream);
  assert.deepEqual(await effects('discussions/3'), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(
    (await letters()).map(({ n, status }) => [n, status]),
    [
      [7, 'failed'],
      [8, 'parked'],
    ],
  );
});

test('what a dead process left between two letters of a stream goes on', async () => {
  const bad = await start(
    consumer(async () => {
      throw new PermanentError('broken');
    }),
  );
  await announce('discussions/a', 1, 2, 3);
  await announce('discussions/b', 1, 2);
  await bad.settle();
  await bad.stop();
  // Of a, the first was handled, and the process died before it took the next; with the first of b it died.
  await log.db.system.run(sql`
    delete from dead_letters where group_name = ${group()} and stream = 'discussions/a' and (body->'data'->>'n') = '1'`);
  await log.db.system.run(sql`
    update dead_letters set error_code = 'interrupted', crashes = 1
     where group_name = ${group()} and stream = 'discussions/b' and status = 'failed'`);
  const good = await start(consumer(leaveRow));
  await good.settle();
  await until(async () => (await letters()).length === 0);
  assert.deepEqual(await effects('discussions/a'), [2, 3]);
  assert.deepEqual(await effects('discussions/b'), [1, 2]);
});

test('more than a thousand streams that wait behind failed letters hold nobody up', async () => {
  const p = await start(consumer(leaveRow));
  await announce('discussions/z', 0);
  await p.settle();
  const [event] = (await log.events(tenantId)).filter((one) => one.stream === 'discussions/z').slice(-1);
  const shard = shardOf(tenantId);
  // As a release left them that died in the middle: requeued, and yet behind a failed one.
  await log.db.system.run(sql`
    insert into dead_letters (tenant_id, id, source, group_name, shard, stream, position, status, type, body)
    select ${tenantId}, gen_random_uuid(), 'event', ${group()}, ${shard}, 'discussions/a' || n, place,
           case place when 1 then 'failed' else 'requeued' end, 'noted', '{}'::jsonb
      from generate_series(1, 1100) as n cross join generate_series(1, 2) as place`);
  await log.db.system.run(sql`
    insert into dead_letters (tenant_id, id, source, group_name, shard, stream, position, status, type, body)
    values (${tenantId}, gen_random_uuid(), 'event', ${group()}, ${shard}, 'discussions/z', 3, 'requeued', 'noted',
            ${JSON.stringify({ ...event, data: { n: 9 } })}::jsonb)`);
  await until(async () => (await effects('discussions/z')).length === 2);
  assert.deepEqual(await effects('discussions/z'), [0, 9]);
});
