import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRotationDue, KEY_LEAD_MS, KEY_LIFE_MS, publishedKeysAt, signingKeyAt } from './rules.ts';

const MINUTE = 60_000;
const first = { id: 'first', activeFromMs: 0 };
const second = { id: 'second', activeFromMs: KEY_LIFE_MS };
const third = { id: 'third', activeFromMs: 2 * KEY_LIFE_MS };
const ids = (keys: { id: string }[]) => keys.map((key) => key.id).join(' ');

test('a key signs from its time on, until the next one does', () => {
  const keys = [third, first, second];
  assert.equal(signingKeyAt([], 0), undefined);
  assert.equal(signingKeyAt(keys, -1)?.id, 'first');
  assert.equal(signingKeyAt(keys, 0)?.id, 'first');
  assert.equal(signingKeyAt(keys, KEY_LIFE_MS - 1)?.id, 'first');
  assert.equal(signingKeyAt(keys, KEY_LIFE_MS)?.id, 'second');
  assert.equal(signingKeyAt(keys, 9 * KEY_LIFE_MS)?.id, 'third');
});

test('a key is published before it is used, and until its tokens are dead', () => {
  assert.equal(ids(publishedKeysAt([first, second], KEY_LIFE_MS - KEY_LEAD_MS)), 'first second');
  assert.equal(ids(publishedKeysAt([first, second], KEY_LIFE_MS + 11 * MINUTE)), 'first second');
  assert.equal(ids(publishedKeysAt([first, second], KEY_LIFE_MS + 12 * MINUTE)), 'second');
  assert.equal(ids(publishedKeysAt([first, second, third], 3 * KEY_LIFE_MS)), 'third');
});

test('the next key is made an hour before the newest has lived its life, and only once', () => {
  assert.ok(isRotationDue([], 0));
  assert.ok(!isRotationDue([first], KEY_LIFE_MS - KEY_LEAD_MS - 1));
  assert.ok(isRotationDue([first], KEY_LIFE_MS - KEY_LEAD_MS));
  assert.ok(!isRotationDue([first, second], KEY_LIFE_MS - KEY_LEAD_MS));
});
