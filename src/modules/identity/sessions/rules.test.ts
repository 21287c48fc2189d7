import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { uuidv7 } from '../../../lib/ids.ts';
import { decideRefresh, isAlive, REFRESH_GRACE_MS, ROTATIONS_KEPT, type SessionState } from './rules.ts';
import { isGenuine, makeRefreshToken, readRefreshToken } from './tokens.ts';

const NOW = 1_800_000_000_000;
const session = (change: Partial<SessionState> = {}): SessionState => ({
  generation: 4,
  // 3 → 4 a second ago, 2 → 3 nine seconds ago, 1 → 2 eleven seconds ago.
  rotations: [NOW - 1_000, NOW - 9_000, NOW - 11_000],
  expiresAtMs: NOW + 1,
  endsAtMs: NOW + 1,
  revoked: false,
  ...change,
});

test('what becomes of a refresh token', () => {
  const table: [generation: number, state: SessionState, decision: string][] = [
    [4, session(), 'rotate'],
    [3, session(), 'repeat'],
    [2, session(), 'repeat'],
    [1, session(), 'reused'],
    [5, session(), 'dead'],
    [4, session({ revoked: true }), 'dead'],
    [1, session({ revoked: true }), 'dead'],
    [4, session({ expiresAtMs: NOW }), 'dead'],
    [4, session({ endsAtMs: NOW }), 'dead'],
    [3, session({ rotations: [NOW - REFRESH_GRACE_MS] }), 'repeat'],
    [3, session({ rotations: [NOW - REFRESH_GRACE_MS - 1] }), 'reused'],
    [1, session({ generation: 20, rotations: Array.from({ length: ROTATIONS_KEPT }, () => NOW) }), 'reused'],
    [0, session(), 'reused'],
  ];
  for (const [generation, state, decision] of table)
    assert.equal(decideRefresh(state, generation, NOW), decision, JSON.stringify([generation, state]));
});

test('a session is alive until the first of its ends', () => {
  assert.ok(isAlive(session(), NOW));
  assert.ok(!isAlive(session({ revoked: true }), NOW));
  assert.ok(!isAlive(session({ expiresAtMs: NOW }), NOW));
  assert.ok(!isAlive(session({ endsAtMs: NOW }), NOW));
});

test('a refresh token says what it was made of, and proves it to who has the seed', () => {
  const seed = Buffer.alloc(32, 1);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 32 - 1 }), (generation) => {
      const token = { tenantId: uuidv7(), sessionId: uuidv7(), generation };
      const text = makeRefreshToken(token, seed);
      assert.match(text, /^parley_refresh_[A-Za-z0-9_-]{91}$/);
      assert.deepEqual(readRefreshToken(text), token);
      assert.ok(isGenuine(text, seed));
      assert.ok(!isGenuine(text, Buffer.alloc(32, 2)));
      assert.equal(makeRefreshToken(token, seed), text);
    }),
  );
});

test('a refresh token with any one character changed is not genuine', () => {
  const seed = Buffer.alloc(32, 1);
  const text = makeRefreshToken({ tenantId: uuidv7(), sessionId: uuidv7(), generation: 7 }, seed);
  for (let at = 0; at < text.length; at += 1) {
    const changed = `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
    assert.ok(!isGenuine(changed, seed), `at ${at}`);
  }
  for (const other of ['', text.slice(0, -1), `${text}A`, `${text}=`, text.toUpperCase()])
    assert.equal(readRefreshToken(other), undefined);
});
