import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { Spin } from '../../../test/support/tasks/spin.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { type CpuTask, createPool, type Pool } from './pool.ts';

const spin: CpuTask<Spin, unknown> = {
  name: 'spin',
  file: new URL('../../../test/support/tasks/spin.ts', import.meta.url),
};

let pool: Pool;
afterEach(async () => {
  await pool.stop(1000);
  await pool.stop(1000);
});

test('a task computes on a thread, while the event loop goes on', async () => {
  pool = createPool({ threads: 1 });
  await pool.run(spin, { ms: 0, value: 'warm' });
  let turns = 0;
  const turning = setInterval(() => turns++, 1);
  assert.deepEqual(await pool.run(spin, { ms: 400, value: { some: ['thing'] } }), { some: ['thing'] });
  clearInterval(turning);
  // On the loop it would be one, before or after; however busy the machine is, it has a few in that time.
  assert.ok(turns > 5, `${turns} turns`);
});

test('what fails says so, and takes nothing with it', async () => {
  pool = createPool({ threads: 1 });
  await assert.rejects(pool.run(spin, { ms: 0, value: 'fail' }), /It was to fail/);
  assert.equal(await pool.run(spin, { ms: 0, value: 1 }), 1);
});

test('an abort ends what runs and what waits', async () => {
  pool = createPool({ threads: 1 });
  const running = new AbortController();
  const waiting = new AbortController();
  const first = pool.run(spin, { ms: 60_000, value: 1 }, { signal: running.signal });
  const second = pool.run(spin, { ms: 60_000, value: 2 }, { signal: waiting.signal });
  const third = pool.run(spin, { ms: 0, value: 3 });
  waiting.abort(new Error('not any more'));
  await assert.rejects(second, /not any more/);
  running.abort(new Error('enough'));
  await assert.rejects(first, /enough/);
  assert.equal(await third, 3);
  await assert.rejects(
    pool.run(spin, { ms: 0, value: 4 }, { signal: AbortSignal.abort(new Error('before')) }),
    /before/,
  );
});

test('more than may wait is refused, and counted', async () => {
  const metrics = createMetrics();
  pool = createPool({ threads: 1, maxWaiting: 2, metrics });
  const lock = new Int32Array(new SharedArrayBuffer(4));
  const begun = [0, 1, 2].map((value) => pool.run(spin, { ms: 0, value, lock }));
  await assert.rejects(pool.run(spin, { ms: 0, value: 'late' }), { code: 'overloaded' });
  assert.match(await metrics.text(), /pool_tasks\{state="waiting"\} 2/);
  Atomics.store(lock, 0, 1);
  Atomics.notify(lock, 0);
  assert.deepEqual(await Promise.all(begun), [0, 1, 2]);
  const text = await metrics.text();
  assert.match(text, /pool_tasks_total\{task="spin",outcome="refused"\} 1/);
  assert.match(text, /pool_tasks_total\{task="spin",outcome="done"\} 3/);
  assert.match(text, /pool_tasks\{state="running"\} 0/);
  metrics.close();
});

test('who is waited for comes before who can wait', async () => {
  pool = createPool({ threads: 1 });
  const order: string[] = [];
  const run = (value: string, priority: 'interactive' | 'normal' | 'batch') =>
    pool.run(spin, { ms: 5, value }, { priority }).then(() => void order.push(value));
  await pool.run(spin, { ms: 0, value: 'warm' });
  const first = run('first', 'batch');
  await Promise.all([first, run('batch', 'batch'), run('normal', 'normal'), run('person', 'interactive')]);
  assert.deepEqual(order, ['first', 'person', 'normal', 'batch']);
});

test('a stop ends what is under way, and nothing more is begun', async () => {
  pool = createPool({ threads: 1 });
  const running = pool.run(spin, { ms: 60_000, value: 1 });
  const rejected = assert.rejects(running, { code: 'unavailable' });
  await pool.run(spin, { ms: 0, value: 0 }, { signal: AbortSignal.timeout(1) }).catch(() => {});
  await pool.stop(1000);
  await rejected;
  await assert.rejects(pool.run(spin, { ms: 0, value: 2 }), { code: 'unavailable' });
});
