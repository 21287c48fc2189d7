import assert from 'node:assert/strict';
import { test } from 'node:test';
import { said } from './acts.ts';

test('what came of letters is told, those that stay too', () => {
  const told = [
    said('requeue', { letters: 3, kept: 0 }),
    said('requeue', { letters: 1, kept: 2 }),
    said('requeue', { letters: 0, kept: 1 }),
    said('requeue', { letters: 0, kept: 0 }),
    said('discard', { letters: 1, kept: 0 }),
    said('discard', { letters: 0, kept: 0 }),
  ];
  assert.deepEqual(told, [
    '3 letters tried again.',
    '1 letter tried again. 2 stay: an unfinished job has the same key.',
    '1 stays: an unfinished job has the same key.',
    'None: they are being tried already.',
    '1 letter discarded.',
    'None was left to discard.',
  ]);
});
