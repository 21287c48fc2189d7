import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Webhook } from '@parley/sdk';
import { EMPTY, inputOf, placeOf, problems } from './form.ts';
import { attemptWords, stateOf } from './words.ts';

test('a webhook as typed says what the server would refuse', () => {
  const refused = (more: object): string[] => Object.keys(problems({ ...EMPTY, url: 'https://a.example/x', ...more }));
  assert.deepEqual(refused({}), []);
  for (const url of ['', 'a.example', 'ftp://a.example', 'https://']) assert.deepEqual(refused({ url }), ['url'], url);
  assert.deepEqual(refused({ some: true }), ['types']);
  assert.deepEqual(refused({ some: true, types: ['order_paid'] }), []);
  assert.deepEqual(inputOf({ ...EMPTY, url: ' https://a.example ', types: ['order_paid'] }), {
    ...{ url: 'https://a.example', description: null, types: null },
  });
  assert.equal(placeOf('types.3'), 'types');
});

test('how a webhook does is a word', () => {
  const state = (more: object): string =>
    stateOf({ enabled: true, failing_since: null, disabled_reason: null, ...more } as Webhook).words;
  assert.deepEqual(
    [
      {},
      { failing_since: '2026-11-21T12:00:00Z' },
      { enabled: false },
      { enabled: false, disabled_reason: 'gone' },
    ].map(state),
    ['on', 'failing', 'off', 'off: gone'],
  );
});

test('an attempt says what came back, or why nothing did', () => {
  const attempt = (status: number | null, error: string | null): string =>
    attemptWords({ number: 1, at: '', latency_ms: 1, status, error, response: null });
  assert.deepEqual(
    [
      attempt(204, null),
      attempt(500, 'The receiver answered 500.'),
      attempt(null, 'connection refused'),
      attempt(null, null),
    ],
    ['answered 204', 'The receiver answered 500', 'connection refused', 'no answer'],
  );
});
