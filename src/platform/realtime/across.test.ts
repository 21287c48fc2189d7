import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { note, noted, type TestLog, testLog, until } from '../../../test/support/log.ts';
import { noRedis, type OwnRedis, ownRedis } from '../../../test/support/redis.ts';
import { uuidv7 } from '../../lib/ids.ts';
import { createAnnouncements } from '../events/announcements.ts';
import { createEventTypes } from '../events/registry.ts';
import { createRedisTail } from '../events/tail-redis.ts';
import { createSignals } from '../redis/signals.ts';
import { silentLog } from '../telemetry/log.ts';
import { createHub } from './fanout.ts';
import type { Addressed, LiveFrame } from './hub.ts';
import { createRelay } from './relay.ts';

let log: TestLog;
let server: OwnRedis;
before(async () => {
  [log, server] = await Promise.all([testLog(), noRedis ? (undefined as never) : ownRedis()]);
});
after(async () => {
  await log.close();
  await server?.close();
});

const STREAM = 'discussions/x';

/** A process with a hub of its own; only the first one's commits are its own, as in `testLog`. */
async function processWithHub(options: {
  own: boolean;
  heard?: (frame: Addressed) => boolean;
  state?: () => LiveFrame;
}) {
  const redis = await server.open();
  const tail = createRedisTail({ redis, log: silentLog });
  const process = await log.process({ tail });
  const types = createEventTypes();
  types.register([noted]);
  const signals = createSignals({ redis, log: silentLog, self: uuidv7() });
  const hub = createHub({
    ...{ db: log.db, feed: process.feed, types, signals },
    announcements: options.own ? log.announcements : createAnnouncements(),
    relay: createRelay({ tail, feed: process.feed }),
  });
  const { heard = () => true, state = () => undefined } = options;
  hub.across('discussions', { heard, state });
  await hub.start();
  await signals.start();
  await until(() => tail.alive());
  const stop = async () => {
    await hub.stop(100);
    await signals.stop(100);
    await process.stop();
    await tail.close();
  };
  return { hub, stop };
}

/** What a subscriber of the tenant is sent: `event data`. */
async function follow(hub: Awaited<ReturnType<typeof processWithHub>>['hub'], tenantId: string) {
  const seen: string[] = [];
  await hub.subscribe({
    ...{ tenantId, actorId: 'me', streams: [STREAM] },
    sink: (frame) => {
      const text = frame.toString();
      const data = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '{}');
      seen.push(/^id: /m.test(text) ? `note ${data.data.n}` : data.text);
      return true;
    },
    onEnd: () => {},
  });
  return seen;
}

const words = (text: string): LiveFrame => ({ event: 'message_delta', data: { text } });

test('live frames reach the subscribers of other processes, in their place among the events', {
  skip: noRedis,
}, async () => {
  const tenantId = await log.makeTenant();
  const [a, b] = [await processWithHub({ own: true }), await processWithHub({ own: false })];
  const [here, there] = [await follow(a.hub, tenantId), await follow(b.hub, tenantId)];
  const expected: string[] = [];
  for (let n = 1; n <= 10; n++) {
    await log.db.inTx(log.ctx(tenantId), async (tx) => void note(tx, STREAM, n));
    for (const piece of ['a', 'b', 'c']) a.hub.publish(tenantId, STREAM, words(`${piece}${n}`));
    expected.push(`note ${n}`, `a${n}`, `b${n}`, `c${n}`);
    await until(() => here.length === expected.length);
  }
  await until(() => there.length === expected.length);
  assert.deepEqual(here, expected);
  assert.deepEqual(there, expected);
  await Promise.all([a.stop(), b.stop()]);
});

test('what was announced by another process is waited for, once it is named', { skip: noRedis }, async () => {
  const tenantId = await log.makeTenant();
  const [a, b] = [await processWithHub({ own: true }), await processWithHub({ own: false })];
  const [here, there] = [await follow(a.hub, tenantId), await follow(b.hub, tenantId)];
  let id = '';
  await log.db.inTx(log.ctx(tenantId), async (tx) => {
    id = note(tx, STREAM, 1);
  });
  b.hub.expect(tenantId, STREAM, id);
  b.hub.publish(tenantId, STREAM, words('first words'));
  await until(() => here.length === 2 && there.length === 2);
  assert.deepEqual(
    [here, there],
    [
      ['note 1', 'first words'],
      ['note 1', 'first words'],
    ],
  );
  b.hub.expect(tenantId, STREAM, id);
  b.hub.publish(tenantId, STREAM, words('at once'));
  assert.equal(there.at(-1), 'at once', 'an event that was delivered is not waited for');
  await Promise.all([a.stop(), b.stop()]);
});

test('a topic sees the frames of others first, and may ask whoever speaks for its state', {
  skip: noRedis,
}, async () => {
  const tenantId = await log.makeTenant();
  const heard: string[] = [];
  const speaker = await processWithHub({ own: true, state: () => words('all of it') });
  const listener = await processWithHub({
    own: false,
    heard: ({ data }) => {
      const { text } = data as { text: string };
      heard.push(text);
      return text !== 'a hole';
    },
  });
  const [here, there] = [await follow(speaker.hub, tenantId), await follow(listener.hub, tenantId)];
  speaker.hub.publish(tenantId, STREAM, words('a hole'));
  await until(() => heard.length === 1);
  await until(() => {
    listener.hub.ask(tenantId, STREAM);
    return there.length > 0;
  });
  assert.equal(there[0], 'all of it');
  assert.deepEqual(here, ['a hole'], 'who hears the speaker itself is not told again');
  await Promise.all([speaker.stop(), listener.stop()]);
});
