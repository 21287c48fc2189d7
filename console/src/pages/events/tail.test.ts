import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogEvent } from '@parley/sdk';
import { found } from '../../lib/commands.ts';
import { arrived, EMPTY_TAIL, further, KEPT, passes, paused, perMinute, traceOf } from './tail.ts';

const event = (n: number, more: Partial<LogEvent> = {}): LogEvent =>
  ({
    ...{
      id: `id-${n}`,
      type: 'turn_started',
      subject: `s-${n}`,
      stream: 'discussions/1',
      time: '2026-11-21T12:00:00Z',
    },
    ...more,
  }) as LogEvent;

test('the newest event is first, each is there once, and the oldest leave', () => {
  let tail = EMPTY_TAIL;
  for (let n = 0; n < KEPT + 5; n++) tail = arrived(arrived(tail, event(n)), event(n));
  assert.equal(tail.events.length, KEPT);
  assert.equal(tail.events[0]?.id, `id-${KEPT + 4}`);
  assert.equal(tail.dropped, 5);
});

test('held still, nothing moves; what waits is bounded and comes when it goes on', () => {
  let tail = paused(arrived(EMPTY_TAIL, event(0)), true);
  for (let n = 1; n < KEPT + 10; n++) tail = arrived(tail, event(n));
  assert.deepEqual([tail.events.length, tail.waiting.length], [1, KEPT]);
  tail = paused(tail, false);
  assert.deepEqual([tail.events.length, tail.waiting.length, tail.events[0]?.id], [KEPT, 0, `id-${KEPT + 9}`]);
});

test('what was read from before stands behind the rest, and goes when there is a hole between', () => {
  let tail = further(arrived(EMPTY_TAIL, event(9)), { items: [event(8), event(7)], next_cursor: 'c' });
  assert.deepEqual([tail.older.map(({ id }) => id), tail.next], [['id-8', 'id-7'], 'c']);
  for (let n = 10; n < 9 + KEPT; n++) tail = arrived(tail, event(n));
  assert.equal(tail.older.length, 2);
  tail = arrived(tail, event(9 + KEPT));
  assert.deepEqual([tail.older.length, tail.next, tail.dropped, tail.events.length], [0, null, 3, KEPT]);
  assert.equal(further(tail, { items: [event(1)], next_cursor: null }), tail);
});

test('what comes live passes as the server would have chosen', () => {
  const one = event(1, {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    data: { name: 'Darjeeling' },
  });
  const fits = [
    ...[{}, { about: 'discussions/1' }, { about: 's-1' }, { text: 'darjeel' }, { from: '2026-11-21T12:00:00Z' }],
    ...[{ to: '2026-11-21T12:00:01Z' }, { trace: '0AF7651916CD43DD8448EB211C80319C' }],
  ];
  for (const sieve of fits) assert.equal(passes(one, sieve), true, JSON.stringify(sieve));
  const not = [
    ...[{ about: 'discussions' }, { text: 'assam' }, { from: '2026-11-21T12:00:01Z' }, { to: '2026-11-21T12:00:00Z' }],
    { trace: '0af7' },
  ];
  for (const sieve of not) assert.equal(passes(one, sieve), false, JSON.stringify(sieve));
  assert.equal(traceOf(one), '0af7651916cd43dd8448eb211c80319c');
  assert.equal(traceOf(event(2)), undefined);
});

test('events are counted by the minute', () => {
  const now = Date.parse('2026-11-21T12:02:30Z');
  const at = (time: string) => event(0, { time });
  const counts = perMinute(
    [at('2026-11-21T12:02:20Z'), at('2026-11-21T12:02:10Z'), at('2026-11-21T12:00:40Z'), at('2026-11-21T10:00:00Z')],
    ...([3, now] as const),
  );
  assert.deepEqual(counts, [0, 1, 2]);
});

test('a place is found by the beginning of its name, then of a word, then by what it is about', () => {
  const commands = [
    { id: '1', label: 'New agent', to: '/a' },
    { id: '2', label: 'Agents', to: '/b' },
    { id: '3', label: 'Usage', to: '/c', keywords: 'cost agent' },
    { id: '4', label: 'Documents', to: '/d' },
  ];
  assert.deepEqual(
    found(commands, 'agent', 10).map(({ id }) => id),
    ['2', '1', '3'],
  );
  assert.equal(found(commands, '', 2).length, 2);
});
