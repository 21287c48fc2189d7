import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { sql } from 'kysely';
import { type TestDatabase, testDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/log.ts';
import type { Db } from '../db/queries.ts';
import { silentLog } from '../telemetry/log.ts';
import { createLeases, type Lease, type Leases } from './leases.ts';
import { LEASE_TTL_MS } from './sql.ts';

let database: TestDatabase;
const started: Leases[] = [];
before(async () => {
  database = await testDatabase({ to: 2 });
});
afterEach(async () => {
  for (const leases of started.splice(0)) await leases.stop(1000);
});
after(() => database.close());

async function start(db: Db = database.db): Promise<Leases> {
  const leases = createLeases({ db, log: silentLog });
  started.push(leases);
  await leases.start();
  return leases;
}

/** Keeps one lease; `won` collects every time it was held. */
async function keep(leases: Leases, name: string) {
  const won: Lease[] = [];
  const keeping = leases.keep([name], (lease) => won.push(lease));
  await keeping.tried;
  return { won, release: keeping.release };
}

/** The process has been silent for longer than the ttl, as after a stall or a lost network. */
const silence = (leases: Leases) =>
  database.db.system.run(sql`
    update processes set seen_at = clock_timestamp() - ${LEASE_TTL_MS + 1000} * interval '1 millisecond'
     where id = ${leases.processId}`);

test('one process holds a lease; the next gets it when it is given back, with a higher fence', async () => {
  const [a, b] = [await start(), await start()];
  const first = await keep(a, 'one');
  const second = await keep(b, 'one');
  assert.deepEqual([first.won.length, second.won.length], [1, 0]);
  await first.release();
  assert.equal(first.won[0]?.signal.aborted, true);
  await until(() => second.won.length === 1);
  assert.equal(second.won[0]?.fence, (first.won[0]?.fence ?? 0) + 1);
  assert.equal(second.won[0]?.crashed, false);
});

test('what is given back is told, and whoever looks has it at once', async () => {
  const told = Promise.withResolvers<void>();
  const a = createLeases({ db: database.db, log: silentLog, onReleased: told.resolve });
  started.push(a);
  await a.start();
  const b = await start();
  const first = await keep(a, 'told');
  const second = await keep(b, 'told');
  await first.release();
  await told.promise;
  b.look();
  b.look();
  await until(() => second.won.length > 0);
  assert.deepEqual(
    second.won.map(({ fence }) => fence),
    [2],
    'asked twice, won once',
  );
});

test('of many that ask at once exactly one wins', async () => {
  const all = await Promise.all(Array.from({ length: 5 }, () => start()));
  const kept = await Promise.all(all.map((leases) => keep(leases, 'many')));
  assert.equal(
    kept.reduce((sum, { won }) => sum + won.length, 0),
    1,
  );
});

test('a silent process loses what it holds, and the next one is told that it crashed', async () => {
  const [a, b] = [await start(), await start()];
  const first = await keep(a, 'silent');
  const second = await keep(b, 'silent');
  // It says that it lives twice a second: until then.
  await until(async () => {
    await silence(a);
    b.look();
    return second.won.length > 0;
  });
  assert.equal(second.won[0]?.crashed, true);
  await until(() => first.won[0]?.signal.aborted === true);
  assert.equal(first.won.length, 1);
});

test('a silence that nobody used costs nothing', async () => {
  const a = await start();
  const kept = await keep(a, 'quiet');
  await silence(a);
  const seen = await seenAt(a);
  await until(async () => (await seenAt(a)) > seen);
  assert.equal(kept.won[0]?.signal.aborted, false);
  assert.equal(kept.won.length, 1);
});

test('the owner of the database frees what its predecessor held, at once', async () => {
  const [dead, next] = [await start(), await start()];
  await keep(dead, 'inherited');
  const kept = await keep(next, 'inherited');
  // Here it lives, and says so twice a second: until then.
  await until(async () => {
    await next.freeDead();
    next.look();
    return kept.won.length > 0;
  });
  assert.equal(kept.won[0]?.crashed, true);
});

test('stopping gives everything back, twice and before the start, too', async () => {
  const a = await start();
  const kept = await keep(a, 'stopped');
  await a.stop(1000);
  await a.stop(1000);
  assert.equal(kept.won[0]?.signal.aborted, true);
  const b = await start();
  assert.equal((await keep(b, 'stopped')).won[0]?.crashed, false);
  await createLeases({ db: database.db, log: silentLog }).stop(1000);
});

test('a process that cannot reach the database believes in nothing after the ttl', async () => {
  let away = false;
  const { system } = database.db;
  const db: Db = {
    ...database.db,
    system: {
      ...system,
      first: (query) => (away ? new Promise(() => {}) : system.first(query)),
    },
  };
  const a = await start(db);
  const kept = await keep(a, 'unplugged');
  away = true;
  await until(() => kept.won[0]?.signal.aborted === true);
  assert.equal(a.alive(), false);
  // Its heartbeat never answers; nothing can wait for it.
  started.splice(started.indexOf(a), 1);
  void a.stop(0);
});

test('a lease cannot be wanted twice in one process', async () => {
  const a = await start();
  await keep(a, 'double');
  assert.throws(() => a.keep(['double'], () => {}), /twice/);
});

test('workers share what is divided into shards; what nobody takes stays', async () => {
  const whole = await testDatabase();
  const names = Array.from({ length: 8 }, (_, n) => `sequencer/${n}`);
  const worker = async (wants: readonly string[]) => {
    const mine: { leases?: Leases } = {};
    const leases = createLeases({
      ...{ db: whole.db, log: silentLog, roles: ['worker'], among: 'worker', shareMs: 100 },
      onReleased: () => {
        for (const other of all) if (other !== mine.leases) other.look();
      },
    });
    mine.leases = leases;
    all.push(leases);
    await leases.start();
    const held = new Set<string>();
    const { release } = leases.keep(wants, (lease) => {
      held.add(lease.name);
      lease.signal.addEventListener('abort', () => held.delete(lease.name));
    });
    await until(() => wants.length === 0 || held.size > 0);
    return { leases, held, release };
  };
  const all: Leases[] = [];
  const a = await worker(names);
  await until(() => a.held.size === 8);
  const b = await worker(names);
  await until(() => a.held.size === 4 && b.held.size === 4);
  assert.equal(new Set([...a.held, ...b.held]).size, 8);
  // It stops, which takes a while: what it gives back is not divided by it once more.
  await b.leases.retire();
  await b.release();
  await until(() => a.held.size === 8);
  const c = await worker(names);
  await until(() => a.held.size === 4 && c.held.size === 4);
  await Promise.all([b.leases.stop(1000), c.leases.stop(1000)]);
  a.leases.look();
  await until(() => a.held.size === 8);
  // One that wants nothing of it, as a process of another release: they are offered once, and taken back.
  await worker([]);
  await until(() => a.held.size === 4);
  await until(() => a.held.size === 8);
  for (const leases of all) await leases.stop(1000);
  await whole.close();
});

test('others are told what a process does, and how its breakers stand; again where that was forgotten', async () => {
  const whole = await testDatabase();
  const roles = ['api', 'worker'];
  let state = 'closed';
  const a = createLeases({ db: whole.db, log: silentLog, roles, breakers: () => [{ name: 'payments', state }] });
  await a.start();
  const told = () =>
    whole.db.system.all<{ roles: string[]; breakers: unknown }>(sql`select roles, breakers from processes`);
  assert.deepEqual(await told(), [{ roles, breakers: [{ name: 'payments', state: 'closed' }] }]);
  state = 'open';
  const isTold = async () =>
    JSON.stringify(await told()) === JSON.stringify([{ roles, breakers: [{ name: 'payments', state }] }]);
  await until(isTold);
  // As after a crash of the database, whose heartbeats are not logged.
  await whole.db.system.run(sql`delete from processes`);
  await until(isTold);
  await a.stop(1000);
  await whole.close();
});

async function seenAt(leases: Leases): Promise<number> {
  const row = await database.db.system.first<{ seen_at: Date }>(sql`
    select seen_at from processes where id = ${leases.processId}`);
  return row?.seen_at.getTime() ?? 0;
}
