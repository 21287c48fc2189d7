import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isUuid, uuidv7 } from '../../lib/ids.ts';
import { bytesToUuid, digestOf, newOpaque, readOpaque, sameBytes, uuidToBytes } from './opaque.ts';

test('a token carries its tenant, and its digest is what it is looked up by', () => {
  const tenantId = uuidv7();
  const { token, digest } = newOpaque('parley_key', tenantId);
  assert.match(token, /^parley_key_[A-Za-z0-9_-]{64}$/);
  assert.deepEqual(readOpaque('parley_key', token), { tenantId, digest });
  assert.deepEqual(digestOf(token), digest);
  assert.notEqual(newOpaque('parley_key', tenantId).token, token);
});

test('tokens of another name or form are nobody’s', () => {
  const { token } = newOpaque('parley_key', uuidv7());
  for (const text of ['', 'parley_key', 'parley_key_', `${token}x`, token.slice(0, -1), ` ${token}`, `${token}\n`])
    assert.equal(readOpaque('parley_key', text), undefined, JSON.stringify(text));
  assert.equal(readOpaque('parley_ticket', token), undefined);
  assert.equal(readOpaque('parley', token), undefined);
});

test('any text is read without a throw', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.equal(readOpaque('parley_key', text), undefined);
    }),
  );
});

test('uuids survive their bytes', () => {
  const id = uuidv7();
  assert.equal(bytesToUuid(uuidToBytes(id)), id);
  assert.ok(isUuid(bytesToUuid(uuidToBytes(id))));
});

test('bytes are the same only when all are', () => {
  assert.ok(sameBytes(Buffer.from('abc'), Buffer.from('abc')));
  assert.ok(!sameBytes(Buffer.from('abc'), Buffer.from('abd')));
  assert.ok(!sameBytes(Buffer.from('abc'), Buffer.from('abcd')));
});
