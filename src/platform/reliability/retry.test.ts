import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Chance, traces } from '../../../test/support/traces.ts';
import { AppError } from '../http/errors.ts';
import { createRetryBudget } from './budget.ts';
import { withDeadline } from './deadline.ts';
import { type Refusal, retry } from './retry.ts';
import { monotonic, type Time } from './time.ts';

/** Time that passes only by sleeping. */
function fakeTime(): Time & { slept: number[] } {
  let now = 0;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    async sleep(ms, signal) {
      signal.throwIfAborted();
      slept.push(ms);
      now += ms;
    },
  };
}

type Outcome = 'ok' | 'passing' | 'asked' | 'lasting' | 'left';
const errorOf = (outcome: Outcome, seconds: number) =>
  outcome === 'asked'
    ? new AppError('upstream_unavailable', { headers: { 'retry-after': String(seconds) } })
    : new AppError(outcome === 'lasting' ? 'conflict' : 'upstream_timeout');

type Plan = {
  readonly maxAttempts: number;
  readonly leftMs: number;
  readonly outcomes: readonly Outcome[];
  readonly seconds: number;
  readonly random: number;
};

const planOf = (chance: Chance): Plan => ({
  maxAttempts: 1 + chance.int(5),
  leftMs: chance.in(0.5) ? Number.POSITIVE_INFINITY : chance.int(5_000),
  outcomes: Array.from({ length: 6 }, () =>
    chance.pick(['ok', 'passing', 'passing', 'passing', 'asked', 'lasting', 'left']),
  ),
  seconds: chance.int(4),
  random: chance.next(),
});

/** What should come of it, told anew: waits, how it ends, and what was refused. */
function expected(plan: Plan, budget: { fifths: number }) {
  const waits: number[] = [];
  let now = 0;
  budget.fifths = Math.min(20, budget.fifths + 1);
  for (let made = 1; ; made += 1) {
    const outcome = plan.outcomes[made - 1] ?? 'ok';
    if (outcome === 'ok' || outcome === 'lasting' || outcome === 'left') return { waits, made, outcome };
    const full = Math.min(2_000, 100 * 2 ** (made - 1));
    const wait = Math.max(outcome === 'asked' ? plan.seconds * 1_000 : 0, Math.round(plan.random * full));
    const refusal: Refusal | undefined =
      made >= plan.maxAttempts
        ? 'attempts'
        : wait > 3_000 - 1_000 || now + wait >= plan.leftMs
          ? 'deadline'
          : budget.fifths < 5
            ? 'budget'
            : undefined;
    if (refusal) return { waits, made, outcome, refusal };
    budget.fifths -= 5;
    waits.push(wait);
    now += wait;
  }
}

const seen = { retries: 0, attempts: 0, budget: 0, deadline: 0 };
const judge = await traces(10_000, async (chance) => {
  const budget = createRetryBudget({ burst: 4 });
  const tokens = { fifths: 20 };
  for (let call = 0; call < 10; call += 1) {
    const plan = planOf(chance);
    const time = fakeTime();
    const caller = new AbortController();
    let made = 0;
    let refusal: Refusal | undefined;
    const send = retry({
      ...{ budget, time, maxAttempts: plan.maxAttempts, maxWaitMs: 2_000, random: () => plan.random },
      backoff: { baseMs: 100, capMs: 2_000 },
      onRefusal: (why) => {
        refusal = why;
      },
    })(async (_ctx: { signal: AbortSignal }) => {
      const outcome = plan.outcomes[made++] ?? 'ok';
      if (outcome === 'left') caller.abort();
      if (outcome !== 'ok') throw errorOf(outcome, plan.seconds);
      return 'done';
    });
    using deadline = withDeadline(
      { signal: caller.signal },
      { ms: plan.leftMs, reason: () => new Error('late'), time },
    );
    const result = await send(deadline.ctx).catch((error: unknown) => error);
    const model = expected(plan, tokens);
    const told = (of: { waits: number[]; made: number; refusal?: Refusal | undefined }) =>
      `${of.waits} ${of.made} ${of.refusal}`;
    assert.equal(told({ waits: time.slept, made, refusal }), told(model));
    assert.equal(result === 'done', model.outcome === 'ok');
    seen.retries += time.slept.length;
    if (refusal) seen[refusal] += 1;
  }
  assert.equal(budget.tokens(), Math.floor(tokens.fifths / 5));
});

test('retries as its reference model does, in 100,000 traces', (t) => {
  judge();
  t.diagnostic(JSON.stringify(seen));
  assert.ok(Math.min(...Object.values(seen)) > 500, JSON.stringify(seen));
});

test('over any number of calls, retries stay within the burst and a fifth', async () => {
  const within = await traces(100, (chance) => {
    const budget = createRetryBudget();
    const share = chance.next();
    let calls = 0;
    let taken = 0;
    for (let n = 0; n < 1_000; n += 1) {
      budget.deposit();
      calls += 1;
      while (chance.in(share) && budget.take()) taken += 1;
      assert.ok(taken <= 10 + calls / 5, `${taken} retries of ${calls} calls`);
    }
  });
  within();
  const lavish = createRetryBudget({ ratio: 1, burst: 2 });
  assert.deepEqual([lavish.take(), lavish.take(), lavish.take()], [true, true, false]);
  lavish.deposit();
  assert.equal(lavish.take(), true);
});

test('a wait ends with the signal, and nothing is tried afterwards', async () => {
  const caller = new AbortController();
  let made = 0;
  const send = retry({
    budget: createRetryBudget(),
    maxAttempts: 3,
    backoff: { baseMs: 60_000, capMs: 60_000 },
    random: () => 0.1,
  });
  const running = send(async (_ctx: { signal: AbortSignal }) => {
    made += 1;
    queueMicrotask(() => setImmediate(() => caller.abort(new Error('enough'))));
    throw new AppError('upstream_timeout');
  })({ signal: caller.signal });
  await assert.rejects(running, /enough/);
  assert.equal(made, 1);
});

test('a sleep ends with the signal, and without it when it is over', async () => {
  const caller = new AbortController();
  const sleeping = monotonic.sleep(60_000, caller.signal);
  caller.abort(new Error('enough'));
  await assert.rejects(sleeping, /enough/);
  await assert.rejects(monotonic.sleep(0, caller.signal), /enough/);
  await monotonic.sleep(-1, new AbortController().signal);
  await monotonic.sleep(1, new AbortController().signal);
});
