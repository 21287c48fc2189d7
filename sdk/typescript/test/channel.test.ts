import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NotFoundError } from '../src/errors.ts';
import { Channel } from '../src/socket/channel.ts';

const event = (position: number) => ({ type: 'x', cursor: `e.${position}`, data: position });

test('a reader that lags is not filled without end: the channel says when it is left, and goes on where that was', async () => {
  const channel = new Channel('*', { cursor: 'e.0' });
  channel.live = true;
  let taken = 1;
  while (channel.take(event(taken))) taken += 1;
  assert.equal(taken, 2_000);
  channel.live = false;
  assert.ok(channel.take(event(taken + 1)), 'what was still under way is dropped');
  assert.equal(channel.cursor, 'e.2000');
  for (let n = 1; n <= taken; n += 1) assert.equal((await channel.next(() => assert.fail()))?.data, n);
  const empty = new Promise<void>((resolve) => void channel.next(resolve));
  await empty;
});

test('repeats are dropped, resets move the place, and an end comes after what waits', async () => {
  const channel = new Channel('*', {});
  channel.live = true;
  for (const position of [3, 3, 2, 4]) channel.take(event(position));
  channel.take({ type: 'message_delta', cursor: undefined, data: 'live' });
  channel.take({ type: 'reset', cursor: 'f.1', data: {} });
  channel.take({ type: 'x', cursor: 'f.2', data: 'new' });
  channel.end(new NotFoundError({ code: 'not_found', type: 'not_found', status: 200, message: 'gone' }));
  const heard = [];
  for (let n = 0; n < 5; n += 1) heard.push((await channel.next(() => {}))?.data);
  assert.deepEqual(heard, [3, 4, 'live', {}, 'new']);
  assert.equal(channel.cursor, 'f.2');
  await assert.rejects(
    channel.next(() => {}),
    NotFoundError,
  );
});
