import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aboutJob, aboutOf } from './about.ts';

const ID = '01920000-0000-7000-8000-000000000001';
const all = (): boolean => true;

test('a stream leads to the page of what it is about, if one may see that', () => {
  assert.deepEqual(aboutOf(`orders/${ID}`, all), { to: `/orders/${ID}`, words: 'the order' });
  assert.equal(
    aboutOf(`webhooks/${ID}`, (permission) => permission !== 'webhooks:read'),
    undefined,
  );
  for (const stream of ['models/default', `constructor/${ID}`, 'orders/1', ''])
    assert.equal(aboutOf(stream, all), undefined);
});

test('a job leads to what its payload names', () => {
  assert.deepEqual(aboutJob({ order_id: ID }, all), { to: `/orders/${ID}`, words: 'the order' });
  for (const payload of [null, 'x', {}, { order_id: 7 }]) assert.equal(aboutJob(payload, all), undefined);
});
