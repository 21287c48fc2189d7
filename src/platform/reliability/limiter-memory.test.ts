import assert from 'node:assert/strict';
import { test } from 'node:test';
import { traces } from '../../../test/support/traces.ts';
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

/** A bucket in whole numbers: a token is as many parts as the window has milliseconds. */
const judge = await traces(100_000, async (chance) => {
  const { clock, advance } = movable();
  const limiter = memoryLimiter(clock);
  const limit = { tokens: 1 + chance.int(20), windowSeconds: 1 + chance.int(30) };
  const token = limit.windowSeconds * 1_000;
  let parts = limit.tokens * token;
  for (let step = chance.int(12); step > 0; step -= 1) {
    const ms = chance.pick([0, 1, 250, 1_000, chance.int(60_000)]);
    advance(ms / 1_000);
    parts = Math.min(limit.tokens * token, parts + ms * limit.tokens);
    const cost = chance.pick([1, 1, 1, 2, limit.tokens, -1]);
    const { allowed, remaining, resetSeconds } = await limiter.take('k', limit, cost);
    assert.equal(allowed, parts >= cost * token, `${parts} of ${token}`);
    if (allowed) parts = Math.min(limit.tokens * token, parts - cost * token);
    assert.ok(Math.abs(remaining - parts / token) <= 1 + 1e-6, `${remaining} of ${parts / token}`);
    const missing = (allowed ? limit.tokens : cost) * token - parts;
    assert.ok(Math.abs(resetSeconds - missing / limit.tokens / 1_000) < 1e-6, `${resetSeconds}`);
  }
});

test('counts as its reference model in whole numbers does, in 100,000 traces', () => judge());
