import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { sql } from 'kysely';
import { type TestDatabase, testDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/log.ts';
import { createLeases } from '../leases/leases.ts';
import { silentLog } from '../telemetry/log.ts';
import type { Schedule } from './schedule.ts';
import { createTicker } from './ticker.ts';

let database: TestDatabase;
const stops: (() => Promise<void>)[] = [];
before(async () => {
  database = await testDatabase({ to: 2 });
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});
after(() => database.close());

async function start(...schedules: Schedule[]) {
  const leases = createLeases({ db: database.db, log: silentLog });
  const ticker = createTicker({ db: database.db, leases, schedules, log: silentLog });
  await leases.start();
  await ticker.start();
  const stop = async () => {
    await ticker.stop(1000);
    await leases.stop(1000);
  };
  stops.push(stop);
  return stop;
}

test('a schedule runs again and again, one run at a time, by one of several processes', async () => {
  let running = 0;
  let runs = 0;
  const schedule: Schedule = {
    name: 'often',
    everyMs: 10,
    async run() {
      assert.equal(++running, 1);
      runs++;
      await new Promise((resolve) => setImmediate(resolve));
      running--;
    },
  };
  await Promise.all([start(schedule), start(schedule), start(schedule)]);
  await until(() => runs >= 5);
});

test('a restart does not repeat what is not due', async () => {
  let runs = 0;
  const daily: Schedule = { name: 'daily', everyMs: 86_400_000, run: async () => void runs++ };
  const stop = await start(daily);
  await until(() => runs === 1);
  await stop();
  await start(daily);
  const soon: Schedule = { name: 'soon', everyMs: 5, run: async () => void ticks++ };
  let ticks = 0;
  await start(soon);
  await until(() => ticks >= 3);
  assert.equal(runs, 1);
});

test('a run that fails is followed by the next', async () => {
  let runs = 0;
  await start({
    name: 'failing',
    everyMs: 5,
    run: async () => {
      runs++;
      throw new Error('broken');
    },
  });
  await until(() => runs >= 3);
});

test('stopping aborts what runs and waits for it', async () => {
  let aborted = false;
  let entered = false;
  const stop = await start({
    name: 'long',
    everyMs: 60_000,
    run: (signal) =>
      new Promise((resolve) => {
        entered = true;
        signal.addEventListener('abort', () => {
          aborted = true;
          resolve();
        });
      }),
  });
  await until(() => entered);
  await stop();
  assert.equal(aborted, true);
});

test('the one that takes over goes on with the time that was kept', async () => {
  let first = 0;
  let second = 0;
  const stop = await start({ name: 'handed', everyMs: 20, run: async () => void first++ });
  await until(() => first > 0);
  await start({ name: 'handed', everyMs: 20, run: async () => void second++ });
  assert.equal(second, 0);
  await stop();
  await until(() => second > 0);
  const rows = await database.db.system.all(sql`select from schedules where name = 'handed'`);
  assert.equal(rows.length, 1);
});
