import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { AppError } from '../http/errors.ts';
import { isConnectionError, isRetryable, translate, violates } from './errors.ts';

const failed = (code: string, message = 'it failed', constraint?: string) =>
  Object.assign(new pg.DatabaseError(message, 0, 'error'), { code, constraint });

const MEANINGS: [string, Error, string][] = [
  ['a server that is shutting down', failed('57P01'), 'unavailable'],
  ['a server that is starting', failed('57P03'), 'unavailable'],
  ['a server without a free connection', failed('53300'), 'unavailable'],
  ['a connection that broke', new Error('Connection terminated unexpectedly'), 'unavailable'],
  ['a refused connection', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'unavailable'],
  ['a socket that is not there', Object.assign(new Error('connect'), { code: 'ENOENT' }), 'unavailable'],
  ['a full pool', new Error('timeout exceeded when trying to connect'), 'overloaded'],
  ['a statement that took too long', failed('57014'), 'overloaded'],
  ['a lock that took too long', failed('55P03'), 'overloaded'],
  ['U+0000 in a text', failed('22021'), 'validation_failed'],
  ['U+0000 in JSON', failed('22P05'), 'validation_failed'],
  ['half a surrogate pair in JSON', failed('22P02', 'invalid input syntax for type json'), 'validation_failed'],
  ['a number beyond its column', failed('22003'), 'validation_failed'],
];
for (const [name, error, code] of MEANINGS)
  test(`${name} is ${code}, and keeps its cause`, () => {
    const told = translate(error);
    assert.ok(told instanceof AppError);
    assert.deepEqual([told.code, told.cause], [code, error]);
  });

test('a mistake of ours stays what it is', () => {
  for (const error of [
    failed('42601'),
    failed('22P02', 'invalid input syntax for type uuid'),
    new TypeError('x'),
    'text',
  ])
    assert.equal(translate(error), error);
  const known = new AppError('not_found');
  assert.equal(translate(known), known);
});

test('a violation is told by its kind and its constraint', () => {
  assert.ok(violates(failed('23505', 'x', 'agents_name'), 'unique'));
  assert.ok(violates(failed('23505', 'x', 'agents_name'), 'unique', 'agents_name'));
  assert.ok(!violates(failed('23505', 'x', 'agents_name'), 'unique', 'other'));
  assert.ok(!violates(failed('23503', 'x', 'agents_name'), 'unique'));
  assert.ok(!violates(new Error('23505'), 'unique'));
});

test('serialisation failures and deadlocks are worth another try, nothing else is', () => {
  assert.deepEqual(
    ['40001', '40P01', '40002', '23505'].map((code) => isRetryable(failed(code))),
    [true, true, false, false],
  );
});

test('several addresses that all refused are one connection error', () => {
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  assert.ok(isConnectionError(new AggregateError([refused, refused])));
  assert.ok(!isConnectionError(new AggregateError([refused, new Error('other')])));
});
