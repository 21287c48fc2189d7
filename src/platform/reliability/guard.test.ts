import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBreaker } from './breaker.ts';
import { createGuard, TooSlow } from './guard.ts';

const guardOf = (deadlineMs: number, restMs: number) =>
  createGuard({ breaker: createBreaker({ name: 'helper', minCalls: 2, openMs: 60_000 }), deadlineMs, restMs });

test('who is late is not waited for, and soon not asked', async () => {
  const guard = guardOf(20, 0);
  let asked = 0;
  const hang = () => {
    asked += 1;
    return new Promise<never>(() => {});
  };
  for (let n = 0; n < 2; n += 1) await assert.rejects(guard(hang), TooSlow);
  for (let n = 0; n < 100; n += 1) await assert.rejects(guard(hang), { code: 'upstream_unavailable' });
  assert.equal(asked, 2);
});

test('an answer that came while this process was busy counts', async () => {
  const guard = guardOf(5, 0);
  const answer = guard(
    () =>
      new Promise<string>((resolve) => {
        setImmediate(() => setImmediate(resolve, 'in time'));
      }),
  );
  const busyUntil = performance.now() + 30;
  while (performance.now() < busyUntil);
  assert.equal(await answer, 'in time');
});

const REST_MS = 60_000;
test('after one that was late nobody waits, for a moment', async (t) => {
  const guard = guardOf(5, REST_MS);
  await assert.rejects(
    guard(() => new Promise(() => {})),
    TooSlow,
  );
  let asked = 0;
  const quick = async () => `asked ${++asked}`;
  for (let n = 0; n < 10; n += 1) await assert.rejects(guard(quick), TooSlow);
  assert.equal(asked, 0);
  const since = performance.now();
  t.mock.method(performance, 'now', () => since + REST_MS);
  assert.equal(await guard(quick), 'asked 1');
});
