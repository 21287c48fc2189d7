import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';
import { createOrdering } from './ordering.ts';

let sent: string[];
const frame = (event: string) => ({ tenantId: 't', stream: 's', frame: { event, data: null } });
const make = () => createOrdering((_key, { frame: { event } }) => sent.push(event));
beforeEach(() => {
  sent = [];
});

test('a live frame goes at once when nothing was committed before it', () => {
  const ordering = make();
  ordering.pass('s', frame('delta'));
  assert.deepEqual(sent, ['delta']);
});

test('a frame published after a commit waits for that event, and only for its own stream', () => {
  const ordering = make();
  ordering.expect('e1', 's');
  ordering.expect('e2', 's');
  ordering.pass('s', frame('delta 1'));
  ordering.pass('other', frame('elsewhere'));
  ordering.pass('s', frame('delta 2'));
  ordering.arrived('e1', 's');
  assert.deepEqual(sent, ['elsewhere']);
  ordering.arrived('e2', 's');
  assert.deepEqual(sent, ['elsewhere', 'delta 1', 'delta 2']);
  ordering.pass('s', frame('delta 3'));
  assert.equal(sent.at(-1), 'delta 3');
});

test('an event that arrives before its commit is heard of holds nothing back', () => {
  const ordering = make();
  ordering.arrived('e1', 's');
  ordering.expect('e1', 's');
  ordering.pass('s', frame('delta'));
  assert.deepEqual(sent, ['delta']);
});

test('an event that never arrives holds frames back for half a second, not for ever', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const ordering = make();
  ordering.expect('lost', 's');
  ordering.pass('s', frame('delta'));
  mock.timers.tick(499);
  assert.deepEqual(sent, []);
  mock.timers.tick(1);
  assert.deepEqual(sent, ['delta']);
  mock.timers.reset();
});

test('too many frames are let go rather than kept', () => {
  const ordering = make();
  ordering.expect('lost', 's');
  for (let i = 0; i < 1000; i++) ordering.pass('s', frame(`${i}`));
  assert.equal(sent.length, 1000);
  ordering.clear();
});

test('with too many streams that wait, the oldest is let go, and new ones are kept in order all the same', () => {
  const ordering = make();
  ordering.expect('lost', 'oldest');
  ordering.pass('oldest', frame('old'));
  for (let i = 0; i < 10_000; i++) ordering.expect(`e${i}`, `s${i}`);
  assert.deepEqual(sent, ['old']);
  ordering.pass('s9999', frame('new'));
  assert.deepEqual(sent, ['old']);
  ordering.arrived('e9999', 's9999');
  assert.deepEqual(sent, ['old', 'new']);
  ordering.clear();
});
