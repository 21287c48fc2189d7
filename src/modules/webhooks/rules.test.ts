import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { disabling, excerptOf, isSince, retryAfterMsOf, retryDelayMs, succeeded, wants } from './rules.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = new Date('2026-01-05T09:00:00.000Z');

test('retries go from seconds to half a day, for three days, and then end', () => {
  const mean = (failures: number) => retryDelayMs(failures, { random: () => 0.5 });
  const steps: number[] = [];
  for (let failures = 1; ; failures++) {
    const step = mean(failures);
    if (step === undefined) break;
    steps.push(step);
  }
  assert.equal(steps[0], 5_000);
  assert.equal(steps.at(-1), 12 * HOUR);
  assert.deepEqual(
    steps,
    [...steps].sort((a, b) => a - b),
  );
  const total = steps.reduce((a, b) => a + b);
  assert.ok(total > 3 * DAY - 2 * HOUR && total < 3.5 * DAY, String(total / DAY));
  assert.equal(mean(steps.length + 1), undefined);
});

test('the jitter is full, never under a second, and never before the receiver wants to be asked', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 14 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.integer({ min: 0, max: 3 * DAY }),
      (failures, random, retryAfterMs) => {
        const step = retryDelayMs(failures, { random: () => 0.5 }) as number;
        const delay = retryDelayMs(failures, { random: () => random, retryAfterMs }) as number;
        assert.ok(delay >= 1_000 && delay >= Math.min(retryAfterMs, DAY));
        assert.ok(delay <= Math.max(1_000, 2 * step, Math.min(retryAfterMs, DAY)));
      },
    ),
  );
  assert.equal(retryDelayMs(1, { random: () => 0 }), 1_000);
  assert.equal(retryDelayMs(1, { random: () => 0.999_99 }), 10_000);
});

test('Retry-After is seconds or a date, and nothing else', () => {
  for (const [header, expected] of [
    ['120', 120_000],
    [' 0 ', 0],
    ['Mon, 05 Jan 2026 09:01:00 GMT', 60_000],
    ['Mon, 05 Jan 2026 08:59:00 GMT', 0],
    [undefined, undefined],
    ['', undefined],
    ['-1', undefined],
    ['1e3', undefined],
    ['soon', undefined],
    ['2026-01-05', undefined],
    ['Mon, 99 Jan 2026 09:01:00 GMT', undefined],
  ] as const)
    assert.equal(retryAfterMsOf(header, NOW), expected, String(header));
});

test('only 2xx is taken for success', () => {
  for (const status of [200, 201, 204, 299]) assert.equal(succeeded(status), true);
  for (const status of [null, 100, 199, 300, 302, 304, 400, 404, 410, 429, 500, 503])
    assert.equal(succeeded(status), false);
});

test('410 turns off at once, failures after five days of nothing else', () => {
  const since = (ms: number) => ({ failingSince: new Date(NOW.getTime() - ms), now: NOW });
  assert.equal(disabling(410, since(0)), 'gone');
  assert.equal(disabling(500, since(0)), undefined);
  assert.equal(disabling(null, since(5 * DAY - 1)), undefined);
  assert.equal(disabling(null, since(5 * DAY)), 'failing');
  assert.equal(disabling(404, since(9 * DAY)), 'failing');
});

test('who names no types gets all but what is the audit record’s', () => {
  assert.equal(wants(null, 'agent_changed', 'agents'), true);
  assert.equal(wants(null, 'user_signed_in', 'identity'), false);
  assert.equal(wants(['user_signed_in'], 'user_signed_in', 'identity'), true);
  assert.equal(wants(['agent_changed'], 'agent_registered', 'agents'), false);
});

test('what happened before a webhook was there is not for it, whatever the clocks say within a minute', () => {
  const at = (ms: number) => new Date(NOW.getTime() + ms).toISOString();
  assert.equal(isSince(NOW, at(0)), true);
  assert.equal(isSince(NOW, at(-59_000)), true);
  assert.equal(isSince(NOW, at(-61_000)), false);
  assert.equal(isSince(NOW, at(DAY)), true);
});

test('an excerpt fits a database, whatever was answered', () => {
  assert.equal(excerptOf(''), null);
  assert.equal(excerptOf('fine\n\tyes'), 'fine\n\tyes');
  assert.equal(excerptOf('a\u0000b\u001b[31m'), 'a\ufffdb\ufffd[31m');
  assert.equal(excerptOf(`${'x'.repeat(499)}😀`)?.length, 500);
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 700 }), (text) => {
      const excerpt = excerptOf(text) ?? '';
      assert.ok(excerpt.length <= 500 && excerpt.isWellFormed() && !excerpt.includes('\u0000'));
    }),
    { numRuns: 30 },
  );
});
