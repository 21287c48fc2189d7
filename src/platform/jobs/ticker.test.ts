import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { sql } from 'kysely';
import { type TestDatabase, testDatabase } from '../../../test/support/database.ts';
import { until } from '../../../test/support/log.ts';
import { createLeases } from '../leases/leases.ts';
import { silentLog } from '../telemetry/log.ts';
import { decide, nextTick, type Schedule } from './schedule.ts';
import { createTicker } from './ticker.ts';

let database: TestDatabase;
const stops: (() => Promise<void>)[] = [];
before(async () => {
  database = await testDatabase();
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

/** As if the database's clock had been set by `seconds`: all that is kept is as much nearer or farther. */
const setClock = (name: string, seconds: number) =>
  database.db.system.run(sql`
    update schedules set next_run_at = next_run_at - ${seconds} * interval '1 second',
                         last_run_at = last_run_at - ${seconds} * interval '1 second'
     where name = ${name}`);
const kept = (name: string) =>
  database.db.system.first<{ next_run_at: Date; last_run_at: Date | null; now: Date }>(sql`
    select next_run_at, last_run_at, clock_timestamp() as now from schedules where name = ${name}`);

test('a cron expression is waited for, and its tick is taken once by all processes', async () => {
  const ran: string[] = [];
  const cron = (who: string): Schedule => ({
    name: 'quarterly',
    cron: '0 3 1 1,4,7,10 *',
    run: async () => void ran.push(who),
  });
  await Promise.all([start(cron('a')), start(cron('b'))]);
  const first = await kept('quarterly');
  assert.ok(first && first.next_run_at > first.now, 'a new one is not due at once');
  assert.match(first.next_run_at.toISOString(), /-(01|04|07|10)-01T03:00:00/);
  // The clock jumps past several ticks: they are made up for by one run.
  await setClock('quarterly', 400 * 86_400);
  await Promise.all([start({ ...cron('c') }), start(cron('d'))].map((started) => started.then((stop) => stop())));
  const stop = stops.splice(0);
  for (const one of stop) await one();
  await start(cron('e'));
  await until(() => ran.length > 0);
  const after = await kept('quarterly');
  assert.equal(ran.length, 1);
  assert.deepEqual(after?.next_run_at, first.next_run_at);
});

test('two tickers on one database run each tick once, whatever their own clocks say', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 86_400_000 });
  const ticks: Date[] = [];
  const schedule: Schedule = {
    name: 'once',
    // Far apart: a run reads which tick it is, and must have done so before the next one.
    everyMs: 300,
    async run() {
      const row = await kept('once');
      if (row) ticks.push(row.next_run_at);
    },
  };
  await Promise.all([start(schedule), start(schedule)]);
  await until(() => ticks.length >= 2);
  t.mock.timers.setTime(0);
  await until(() => ticks.length >= 4);
  const times = ticks.map((tick) => tick.getTime());
  assert.equal(new Set(times).size, times.length, 'no tick twice');
  assert.ok(times.every((time, i) => i === 0 || time - (times[i - 1] ?? 0) >= 300));
});

test('a clock that is set back holds a schedule up for no longer than its interval', async () => {
  let runs = 0;
  const schedule: Schedule = { name: 'back', everyMs: 30, run: async () => void runs++ };
  const stop = await start(schedule);
  await until(() => runs > 0);
  await stop();
  await setClock('back', -7 * 86_400);
  const before = runs;
  await start(schedule);
  await until(() => runs > before);
});

const at = (text: string) => new Date(`2026-03-01T${text}Z`);
const daily: Schedule = { name: 'daily', cron: '30 3 * * *', run: async () => {} };
const hourly: Schedule = { name: 'hourly', everyMs: 3_600_000, run: async () => {} };

test('what is to be done follows from the kept times and the clock', () => {
  const cases: readonly [string, Schedule, { due: Date; last?: Date; now: Date }, unknown][] = [
    ['not due', daily, { due: at('03:30:00'), now: at('03:29:00') }, { wait: 60_000 }],
    ['due', daily, { due: at('03:30:00'), now: at('03:30:00.001') }, { next: '2026-03-02T03:30:00.000Z' }],
    ['a little early', daily, { due: at('03:30:00'), now: at('03:29:59.997') }, { next: '2026-03-02T03:30:00.000Z' }],
    [
      'missed for days',
      daily,
      { due: at('03:30:00'), now: new Date('2026-03-09T12:00:00Z') },
      { next: '2026-03-10T03:30:00.000Z' },
    ],
    [
      'ran, then the clock was set back by a minute: no tick again',
      daily,
      { due: new Date('2026-03-02T03:30:00Z'), last: at('03:30:00'), now: at('03:29:30') },
      { wait: 86_430_000 },
    ],
    [
      'ran in a future that never was: the clock is believed',
      daily,
      { due: new Date('2030-01-02T03:30:00Z'), last: new Date('2030-01-01T03:30:00Z'), now: at('03:00:00') },
      { wait: 1_800_000, move: '2026-03-01T03:30:00.000Z' },
    ],
    [
      'the expression has changed',
      daily,
      { due: at('04:15:00'), now: at('03:00:00') },
      { wait: 1_800_000, move: '2026-03-01T03:30:00.000Z' },
    ],
    ['an interval, due', hourly, { due: at('01:00:00'), now: at('02:10:00') }, { next: '2026-03-01T03:10:00.000Z' }],
    ['an interval, not due', hourly, { due: at('03:00:00'), now: at('02:10:00') }, { wait: 3_000_000 }],
    [
      'an interval, clock set back',
      hourly,
      { due: at('09:00:00'), now: at('02:00:00') },
      { wait: 3_600_000, move: '2026-03-01T03:00:00.000Z' },
    ],
  ];
  for (const [what, schedule, { due, last = null, now }, expected] of cases) {
    const decision = decide(schedule, { next_run_at: due, last_run_at: last, now });
    const told = decision.run
      ? { next: decision.nextAt.toISOString() }
      : { wait: decision.inMs, ...(decision.moveTo && { move: decision.moveTo.toISOString() }) };
    assert.deepEqual(told, expected, what);
  }
});

test('an expression that is none, or never comes, is refused', () => {
  assert.throws(() => nextTick('every day', at('00:00:00')));
  assert.throws(() => nextTick('61 * * * *', at('00:00:00')));
  assert.throws(() => nextTick('0 0 30 2 *', at('00:00:00')), /never comes/);
});
