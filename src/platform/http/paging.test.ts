import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { AppError } from './errors.ts';
import { createCursors, pageRange } from './paging.ts';

const key = randomBytes(32);
const scope = { tenantId: 'a', list: 'things', filter: { status: 'open', q: undefined } };
const invalid = (error: unknown) => error instanceof AppError && error.code === 'invalid_cursor';

test('a cursor holds any JSON value', () => {
  const cursors = createCursors(key);
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.deepEqual(cursors.decode(scope, cursors.encode(scope, value)), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('a cursor is bound to tenant, list and filter, and the order of the filter does not matter', () => {
  const cursors = createCursors(key);
  const cursor = cursors.encode(scope, ['2026-01-01T00:00:00.000001Z', 'id']);
  assert.ok(cursors.decode({ ...scope, filter: { status: 'open' } }, cursor));
  assert.ok(createCursors(key).decode(scope, cursor));
  for (const other of [
    { ...scope, tenantId: 'b' },
    { ...scope, list: 'others' },
    { ...scope, filter: { status: 'closed' } },
    { ...scope, filter: undefined },
  ])
    assert.throws(() => cursors.decode(other, cursor), invalid);
  assert.throws(() => createCursors(randomBytes(32)).decode(scope, cursor), invalid);
});

test('whatever is made up is invalid_cursor, never another error', () => {
  const cursors = createCursors(key);
  const cursor = Buffer.from(cursors.encode(scope, { a: 1 }), 'base64url');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.throws(() => cursors.decode(scope, text), invalid);
    }),
  );
  fc.assert(
    fc.property(fc.nat(cursor.length - 1), fc.integer({ min: 1, max: 255 }), (index, change) => {
      const changed = Buffer.from(cursor);
      changed[index] = (changed[index] as number) ^ change;
      assert.throws(() => cursors.decode(scope, changed.toString('base64url')), invalid);
    }),
  );
});

test('pages become limit and offset', () => {
  assert.deepEqual(pageRange({ page: 3, page_size: 20 }), { limit: 20, offset: 40 });
});
