import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../../test/support/log.ts';
import { noRedis, type OwnRedis, ownRedis } from '../../../test/support/redis.ts';
import { silentLog } from '../telemetry/log.ts';
import { createSignals } from './signals.ts';

let server: OwnRedis;
before(async () => {
  if (!noRedis) server = await ownRedis();
});
after(() => server?.close());
const only = { skip: noRedis };

const KNOCK = 'there?';

/** A process that listens to shards, and what it heard. */
async function open(self: string, on = server) {
  const signals = createSignals({ redis: await on.open(), log: silentLog, self });
  const heard: string[][] = [];
  const knocks: string[] = [];
  signals.listen('events', (items) => {
    const told = items.filter((item) => item !== KNOCK);
    if (told.length < items.length) knocks.push(KNOCK);
    if (told.length > 0) heard.push(told);
  });
  await signals.start();
  return { signals, heard, knocks };
}

/** Tells until it is heard: whoever has just come may not have subscribed yet. */
const reaches = (from: Awaited<ReturnType<typeof open>>, to: Awaited<ReturnType<typeof open>>) =>
  until(() => {
    from.signals.tell('events', KNOCK);
    return to.knocks.length > 0;
  });

test('what is told at once travels together, each item once, and not to oneself', only, async () => {
  const [a, b] = [await open('a'), await open('b')];
  await reaches(a, b);
  for (const item of ['1', '2', '1']) a.signals.tell('events', item);
  await until(() => b.heard.length > 0);
  assert.deepEqual(b.heard, [['1', '2']]);
  assert.deepEqual(a.heard, []);
  for (const { signals } of [a, b]) await signals.stop(1000);
});

test('a topic is heard by who listens to it; telling after the stop is nothing', only, async () => {
  const [a, b] = [await open('a'), await open('b')];
  await reaches(a, b);
  a.signals.tell('jobs', 'x');
  a.signals.tell('events', 'y');
  await until(() => b.heard.length > 0);
  assert.deepEqual(b.heard, [['y']]);
  for (const { signals } of [a, b]) await signals.stop(1000);
  a.signals.tell('events', 'z');
  await a.signals.stop(1000);
});

test('after Redis was away they hear again', only, async () => {
  const first = await ownRedis();
  const [a, b] = [await open('a', first), await open('b', first)];
  await reaches(a, b);
  await first.kill();
  a.signals.tell('events', 'lost');
  const again = await ownRedis({ port: first.port });
  b.knocks.splice(0);
  await reaches(a, b);
  for (const { signals } of [a, b]) await signals.stop(1000);
  await first.close();
  await again.close();
});
