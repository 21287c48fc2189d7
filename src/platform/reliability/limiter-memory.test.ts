import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limiterConformance } from './limiter.conformance.ts';
import { memoryLimiter } from './limiter-memory.ts';

const movable = () => {
  let nowMs = 1_000_000;
  return {
    clock: { now: () => new Date(nowMs) },
    advance: (seconds: number) => {
      nowMs += seconds * 1_000;
    },
  };
};

limiterConformance('in process', async () => {
  const { clock, advance } = movable();
  return { limiter: memoryLimiter(clock), advance };
});

test('remembers a bounded number of keys, and forgets the longest unused first', async () => {
  const { clock } = movable();
  const limiter = memoryLimiter(clock, 100);
  const limit = { tokens: 1, windowSeconds: 3_600 };
  for (let n = 0; n < 100; n += 1) await limiter.take(`k${n}`, limit);
  assert.equal((await limiter.take('k0', limit)).allowed, false);
  await limiter.take('new', limit);
  assert.equal((await limiter.take('k0', limit)).allowed, false);
  assert.equal((await limiter.take('k1', limit)).allowed, true);
});
