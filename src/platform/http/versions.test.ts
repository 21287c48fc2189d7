import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FastifyRequest } from 'fastify';
import { AppError } from './errors.ts';
import { etagOf, ifMatch, noneMatch, requireIfMatch } from './versions.ts';

const request = (header?: string) => ({ headers: { 'if-match': header } }) as unknown as FastifyRequest;
const code = (expected: string) => (error: unknown) => error instanceof AppError && error.code === expected;

for (const [header, versions] of [
  ['"3"', [3]],
  ['"3", "5"', [3, 5]],
  ['*', 'any'],
  ['W/"3"', []],
  ['3', []],
  ['"abc"', []],
  [`"${'9'.repeat(30)}"`, []],
] as const)
  test(`If-Match: ${header} names ${JSON.stringify(versions)}`, () =>
    assert.deepEqual(ifMatch(request(header)), versions));

test('without If-Match a change is refused with 428, with a stale one with 412', () => {
  assert.throws(() => requireIfMatch(request(), 3), code('precondition_required'));
  assert.throws(() => requireIfMatch(request(''), 3), code('precondition_required'));
  assert.throws(() => requireIfMatch(request(etagOf(2)), 3), code('version_mismatch'));
  requireIfMatch(request(etagOf(3)), 3);
  requireIfMatch(request('*'), 3);
});

for (const [header, matches] of [
  [undefined, false],
  ['"3"', true],
  ['W/"3"', true],
  ['"1", "3"', true],
  ['*', true],
  ['"30"', false],
] as const)
  test(`If-None-Match: ${header} ${matches ? 'matches' : 'does not match'} version 3`, () =>
    assert.equal(noneMatch(header, etagOf(3)), matches));
