import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { sql } from 'kysely';
import { note, noted, type TestLog, type TestProcess, testLog, until } from '../../../test/support/log.ts';
import { createEventTypes } from '../events/registry.ts';
import { shardOf } from '../events/shards.ts';
import type { Service } from '../lifecycle.ts';
import { createHub } from './fanout.ts';
import type { Cursor, Hub, Subscription } from './hub.ts';
import { ALL } from './socket/wire.ts';

let log: TestLog;
let process: TestProcess;
let hub: Hub & Service;
let tenantId: string;

before(async () => {
  log = await testLog();
});
beforeEach(async () => {
  tenantId = await log.makeTenant();
  process = await log.process();
  const types = createEventTypes();
  types.register([noted]);
  hub = createHub({ db: log.db, feed: process.feed, types, announcements: log.announcements });
  await hub.start();
});
afterEach(async () => {
  await hub.stop(1000);
  await process.stop();
});
after(() => log.close());

type Frame = { id: string | undefined; event: string; data: { position: number; data: { n: number } } & { n: number } };

function parse(buffer: Buffer): Frame {
  const fields = new Map(
    buffer
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  return { id: fields.get('id'), event: fields.get('event') ?? '', data: JSON.parse(fields.get('data') ?? 'null') };
}

function subscriber(options: Partial<Subscription> = {}) {
  const frames: Frame[] = [];
  const buffers: Buffer[] = [];
  const ended: string[] = [];
  const joining = hub.subscribe({
    tenantId,
    actorId: 'somebody',
    sink: (frame) => {
      buffers.push(frame);
      frames.push(parse(frame));
      return true;
    },
    onEnd: (reason) => void ended.push(reason),
    ...options,
  });
  return {
    frames,
    buffers,
    ended,
    joining,
    said: () => frames.map(({ event, data }) => `${event} ${data?.data?.n ?? data?.n}`),
  };
}

const announce = (stream: string, ...numbers: number[]) =>
  log.db.inTx(log.ctx(tenantId), async (tx) => {
    for (const n of numbers) note(tx, stream, n);
  });
const settled = async () => {
  await process.sequencer.idle();
  await process.feed.caughtUp();
};
const start = async (): Promise<Cursor> => ({
  epoch: process.feed.epoch(),
  position: process.feed.head(shardOf(tenantId)),
});

test('a subscriber gets what happens from now on, of its streams and types only, and nobody else’s', async () => {
  await announce('discussions/a', 1);
  await settled();
  const one = subscriber({ streams: ['discussions/a'] });
  const all = subscriber();
  const none = subscriber({ types: ['message_posted'] });
  const foreign = subscriber({ tenantId: await log.makeTenant(), streams: ['discussions/a'] });
  await Promise.all([one.joining, all.joining, none.joining, foreign.joining]);
  await announce('discussions/a', 2);
  await announce('discussions/b', 3);
  await settled();
  assert.deepEqual(one.said(), ['noted 2']);
  assert.deepEqual(all.said(), ['noted 2', 'noted 3']);
  assert.deepEqual([...none.frames, ...foreign.frames], []);
});

test('one frame is encoded for all, and its id is where to resume', async () => {
  const a = subscriber();
  const b = subscriber({ streams: ['discussions/a'] });
  await Promise.all([a.joining, b.joining]);
  await announce('discussions/a', 1);
  await settled();
  assert.equal(a.buffers[0], b.buffers[0]);
  assert.equal(a.frames[0]?.id, `${process.feed.epoch()}.${a.frames[0]?.data.position}`);
});

test('joining in the middle of many writes leaves no gap and no double', async () => {
  const from = await start();
  const writing = (async () => {
    for (let i = 0; i < 40; i++) {
      await announce('discussions/a', 4 * i + 1, 4 * i + 2);
      await announce('discussions/b', 4 * i + 3, 4 * i + 4);
    }
  })();
  const late: ReturnType<typeof subscriber>[] = [];
  for (let i = 0; i < 10; i++) {
    late.push(subscriber({ from, streams: ['discussions/a'] }), subscriber({ from }));
    await announce('discussions/c', 1000 + i);
  }
  await writing;
  await Promise.all(late.map(({ joining }) => joining));
  await settled();
  late.forEach(({ frames }, i) => {
    const numbers = frames.map(({ data }) => data.data.n).filter((n) => n < 1000);
    const expected = Array.from({ length: 160 }, (_, n) => n + 1).filter((n) => i % 2 === 1 || (n - 1) % 4 < 2);
    assert.deepEqual(numbers, expected);
    const positions = frames.map(({ data }) => data.position);
    assert.deepEqual(
      positions,
      [...new Set(positions)].sort((x, y) => x - y),
    );
  });
});

test('what memory does not hold any more is filled from the log, page by page', async () => {
  const from = await start();
  for (let i = 0; i < 12; i++)
    await announce(`discussions/${i % 2}`, ...Array.from({ length: 100 }, (_, n) => 100 * i + n));
  await settled();
  let waits = 0;
  const one = subscriber({ from, streams: ['discussions/1'], drained: async () => void waits++ });
  await one.joining;
  assert.equal(one.frames.length, 600);
  assert.ok(waits >= 2);
});

test('a cursor of another epoch, of trimmed history or from the future is reset, and flows on', async () => {
  await announce('discussions/a', 1);
  await settled();
  const { epoch, position } = await start();
  const other = subscriber({ from: { epoch: 'other', position: 0 } });
  const ahead = subscriber({ from: { epoch, position: position + 1000 } });
  await log.db.system.run(sql`update log_shards set horizon = ${position + 1} where shard = ${shardOf(tenantId)}`);
  await until(() => process.feed.horizon(shardOf(tenantId)) === position + 1);
  const trimmed = subscriber({ from: { epoch, position: position - 1 } });
  const kept = subscriber({ from: { epoch, position } });
  await Promise.all([other, ahead, trimmed, kept].map(({ joining }) => joining));
  await announce('discussions/a', 2);
  await settled();
  const cursor = `${epoch}.${position}`;
  for (const [{ frames }, reason] of [
    [other, 'epoch_changed'],
    [ahead, 'ahead'],
    [trimmed, 'trimmed'],
  ] as const) {
    assert.deepEqual(frames[0], { id: cursor, event: 'reset', data: { cursor, reason } });
    assert.equal(frames[1]?.data.data.n, 2);
  }
  assert.deepEqual(kept.said(), ['noted 2']);
  await log.db.system.run(sql`update log_shards set horizon = 1`);
});

test('a subscriber that takes no more is ended; the others are not kept waiting', async () => {
  const slow = subscriber({ sink: () => false });
  const quick = subscriber();
  await Promise.all([slow.joining, quick.joining]);
  await announce('discussions/a', 1, 2);
  await settled();
  assert.deepEqual(slow.ended, ['slow']);
  assert.deepEqual(quick.said(), ['noted 1', 'noted 2']);
});

test('revoking ends those of a session, of an actor or of a tenant, and nobody else', async () => {
  const a = subscriber({ actorId: 'ann', sessionId: 's1' });
  const b = subscriber({ actorId: 'ann', sessionId: 's2' });
  const c = subscriber({ actorId: 'bob', sessionId: 's3' });
  await Promise.all([a.joining, b.joining, c.joining]);
  hub.revoke({ tenantId: await log.makeTenant(), actorId: 'ann' });
  hub.revoke({ tenantId, sessionId: 's1' });
  assert.deepEqual([a.ended, b.ended, c.ended], [['revoked'], [], []]);
  hub.revoke({ tenantId, actorId: 'ann' });
  assert.deepEqual([a.ended, b.ended, c.ended], [['revoked'], ['revoked'], []]);
});

test('stopping ends everybody, once, and nobody can join afterwards', async () => {
  const a = subscriber();
  await a.joining;
  await hub.stop(1000);
  await hub.stop(1000);
  const late = subscriber();
  await late.joining;
  assert.deepEqual([a.ended, late.ended], [['stopping'], ['stopping']]);
});

test('a closed subscription gets nothing more and is not told', async () => {
  const a = subscriber();
  (await a.joining).close();
  await announce('discussions/a', 1);
  await settled();
  hub.revoke({ tenantId });
  assert.deepEqual([a.frames, a.ended], [[], []]);
});

test('live frames have no id, and go to the stream’s subscribers and to those who follow everything', async () => {
  const one = subscriber({ streams: ['discussions/a'] });
  const all = subscriber();
  const other = subscriber({ streams: ['discussions/b'] });
  await Promise.all([one.joining, all.joining, other.joining]);
  hub.publish(tenantId, 'discussions/a', { event: 'message_delta', data: { n: 1 } });
  assert.deepEqual(one.frames, [{ id: undefined, event: 'message_delta', data: { n: 1 } }]);
  assert.deepEqual(all.said(), ['message_delta 1']);
  assert.deepEqual(other.frames, []);
});

test('a live frame that follows a commit comes after the committed event', async () => {
  const one = subscriber({ streams: ['discussions/a'] });
  await one.joining;
  hub.publish(tenantId, 'discussions/a', { event: 'message_delta', data: { n: 0 } });
  await announce('discussions/a', 1);
  hub.publish(tenantId, 'discussions/a', { event: 'message_delta', data: { n: 2 } });
  hub.publish(tenantId, 'discussions/a', { event: 'message_delta', data: { n: 3 } });
  await settled();
  assert.deepEqual(one.said(), ['message_delta 0', 'noted 1', 'message_delta 2', 'message_delta 3']);
});

test('the snapshot of a join stands between the log before it and what is live after it', async () => {
  const from = await start();
  await announce('discussions/a', 1);
  await settled();
  const one = subscriber({
    from,
    streams: ['discussions/a'],
    onJoin: () => [{ event: 'turn_snapshot', data: { n: 100 } }],
  });
  await one.joining;
  hub.publish(tenantId, 'discussions/a', { event: 'message_delta', data: { n: 101 } });
  assert.deepEqual(one.said(), ['noted 1', 'turn_snapshot 100', 'message_delta 101']);
});

test('taps hear every tenant’s events of their types, until they stop', async () => {
  const heard: number[] = [];
  const stop = hub.tap(['noted'], ({ tenantid, data }) => {
    if (tenantid === tenantId) heard.push((data as { n: number }).n);
  });
  await announce('discussions/a', 1);
  await settled();
  stop();
  await announce('discussions/a', 2);
  await settled();
  assert.deepEqual(heard, [1]);
});

test('the cursor is where the tenant’s log stands here', async () => {
  const before = await hub.cursor(tenantId);
  await announce('discussions/a', 1);
  await settled();
  const { epoch, position } = await hub.cursor(tenantId);
  assert.equal(epoch, before.epoch);
  assert.ok(position > before.position);
  await turn();
  assert.ok(hub.lagMs() < 5000);
});

test('a frame is written once for each kind of connection, and only where there is one', async () => {
  const [sse, first, second] = [subscriber(), ...[1, 2].map(() => raw())] as [
    ReturnType<typeof subscriber>,
    ReturnType<typeof raw>,
    ReturnType<typeof raw>,
  ];
  await Promise.all([sse.joining, first.joining, second.joining]);
  await announce('a/1', 1);
  await settled();
  hub.publish(tenantId, 'a/1', { event: 'message_delta', data: { n: 2 } });
  assert.deepEqual(sse.said(), ['noted 1', 'message_delta 2']);
  assert.equal(first.buffers.length, 2);
  for (const [n, buffer] of first.buffers.entries()) assert.equal(buffer, second.buffers[n]);
  assert.deepEqual(
    first.buffers.map((buffer) => JSON.parse(buffer.toString()).channel),
    ['*', '*'],
  );
});

test('whoever is revoked learns where, and goes on from there', async () => {
  const ends: Cursor[] = [];
  const before = subscriber({ onEnd: (_reason, at) => void ends.push(at) });
  await before.joining;
  await announce('a/1', 1, 2);
  await settled();
  hub.revoke({ tenantId });
  await announce('a/1', 3);
  await settled();
  const [from] = ends;
  assert.ok(from);
  const after = subscriber({ from });
  await after.joining;
  assert.deepEqual([before.said(), after.said()], [['noted 1', 'noted 2'], ['noted 3']]);
});

test('what is one of several on a connection does not count as one', async () => {
  await Promise.all(
    [subscriber(), subscriber({ counts: false }), subscriber({ streams: [] })].map((one) => one.joining),
  );
  assert.equal(hub.connections(tenantId), 2);
});

test('those who do not read hold up nobody who is to be filled', async () => {
  const from = await start();
  await announce('a/1', ...Array.from({ length: 2_500 }, (_, n) => n));
  await settled();
  const stuck = Array.from({ length: 5 }, () => subscriber({ from, drained: () => new Promise(() => {}) }));
  const reader = subscriber({ from });
  await reader.joining;
  assert.equal(reader.frames.length, 2_500);
  assert.ok(stuck.every(({ frames }) => frames.length === 0));
});

/** A subscriber of everything, over a WebSocket. */
function raw() {
  const buffers: Buffer[] = [];
  const joining = hub.subscribe({
    ...{ tenantId, actorId: 'somebody', wire: ALL, onEnd: () => {} },
    sink: (frame) => buffers.push(frame) > 0,
  });
  return { buffers, joining };
}
