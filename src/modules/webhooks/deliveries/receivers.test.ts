import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReceivers, LINE, PER_HOST } from './receivers.ts';
import type { Sent } from './send.ts';

const sent = (status: number | null): Sent => ({
  ...{ status, latencyMs: 1, error: status === 200 ? null : 'no', response: null, retryAfter: undefined },
});
const receiver = (more: object = {}) => ({
  ...{ tenantId: 't', webhookId: 'w', url: 'https://a.example/one' },
  ...more,
});
const signal = () => new AbortController().signal;
const isBusy = (answer: object) => 'busyForMs' in answer;

test('a slow host has so many at once, and others are not held up', async () => {
  const receivers = createReceivers({ random: () => 0.5, now: () => 0 });
  const held = Promise.withResolvers<Sent>();
  const slow = Array.from({ length: PER_HOST + LINE }, (_, n) =>
    receivers.run(receiver({ webhookId: `w${n}`, url: `https://a.example/${n}` }), () => held.promise, signal()),
  );
  const turned: number[] = [];
  for (let n = 0; n < 200; n++) {
    const answer = await receivers.run(receiver(), () => assert.fail('nothing is sent'), signal());
    turned.push('busyForMs' in answer ? answer.busyForMs : assert.fail('it is busy'));
  }
  // At a tenth of a second an answer, and sixteen at once, two hundred take a second and a quarter.
  assert.equal(turned[0], 50);
  assert.deepEqual(
    turned,
    [...turned].sort((a, b) => a - b),
  );
  assert.ok((turned.at(-1) as number) > 1_000 && (turned.at(-1) as number) <= 1_250, String(turned.at(-1)));
  const others = [{ url: 'https://b.example/one' }, { url: 'https://a.example:8443/' }, { tenantId: 'other' }];
  for (const other of others) {
    const answer = await receivers.run(receiver({ webhookId: 'x', ...other }), async () => sent(200), signal());
    assert.deepEqual(answer, sent(200));
  }
  held.resolve(sent(200));
  await Promise.all(slow);
  assert.deepEqual(await receivers.run(receiver(), async () => sent(200), signal()), sent(200));
});

test('a receiver in trouble is left alone for a while; a 4xx is no trouble, and another webhook of the host goes on', async () => {
  const receivers = createReceivers({ random: () => 0.5, now: () => 0 });
  for (let n = 0; n < 40; n++)
    assert.deepEqual(await receivers.run(receiver(), async () => sent(404), signal()), sent(404));
  for (const status of [500, null]) {
    const one = receiver({ webhookId: `of ${status}`, url: `https://a.example/${status}` });
    let tries = 0;
    const fail = async () => {
      tries += 1;
      return sent(status);
    };
    for (let n = 0; n < 5; n++) assert.deepEqual(await receivers.run(one, fail, signal()), sent(status));
    const answer = await receivers.run(one, fail, signal());
    assert.ok('busyForMs' in answer && answer.busyForMs > 4_000, JSON.stringify(answer));
    assert.equal(tries, 5);
  }
  assert.ok(!isBusy(await receivers.run(receiver(), async () => sent(200), signal())));
});

test('what is thrown passes through, and leaves the way open', async () => {
  const receivers = createReceivers();
  for (let n = 0; n < 20; n++) {
    const abort = new AbortController();
    const ending = receivers.run(
      receiver(),
      async () => {
        abort.abort();
        throw new Error('stopping');
      },
      abort.signal,
    );
    await assert.rejects(ending, /stopping/);
  }
  assert.deepEqual(await receivers.run(receiver(), async () => sent(200), signal()), sent(200));
});

test('it does not remember for ever', async () => {
  const receivers = createReceivers();
  for (let n = 0; n < 2_500; n++) {
    const one = receiver({ webhookId: `w${n}`, url: `https://h${n}.example/` });
    assert.deepEqual(await receivers.run(one, async () => sent(200), signal()), sent(200));
  }
});
