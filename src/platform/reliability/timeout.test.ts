import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { type Chance, traces } from '../../../test/support/traces.ts';
import { AppError } from '../http/errors.ts';
import { remainingMs, tellDeadline, withDeadline } from './deadline.ts';
import type { Time } from './time.ts';
import { timeout } from './timeout.ts';

/** A call in two time-outs and under a deadline, and its caller; each moment at another remainder of 5, so none ties. */
type Plan = Readonly<Record<'call' | 'inner' | 'outer' | 'deadline' | 'left', number>>;
const planOf = (chance: Chance): Plan => ({
  call: 5 * chance.int(100),
  inner: 5 * chance.int(100) + 1,
  outer: 5 * chance.int(100) + 2,
  deadline: chance.in(0.5) ? 10_000 : 5 * chance.int(100) + 3,
  left: chance.in(0.5) ? 10_000 : 5 * chance.int(100) + 4,
});

/** Whichever comes first. */
const firstOf = (plan: Plan) => (Object.entries(plan).sort(([, a], [, b]) => a - b)[0] as [string, number])[0];

async function outcomeOf(plan: Plan, listens: boolean): Promise<{ outcome: string; at: number }> {
  const caller = new AbortController();
  setTimeout(() => caller.abort('left'), plan.left);
  using deadline = withDeadline(
    { signal: caller.signal },
    { ms: plan.deadline, reason: () => 'deadline', time: ticking },
  );
  const send = (ctx: { signal: AbortSignal }) =>
    new Promise<string>((resolve, reject) => {
      setTimeout(resolve, plan.call, 'call');
      if (listens) ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason), { once: true });
    });
  const call = timeout({ name: 'outer', ms: plan.outer, time: ticking })(
    timeout({ name: 'inner', ms: plan.inner, time: ticking })(send),
  );
  const outcome = await call(deadline.ctx).catch((error: unknown) =>
    error instanceof AppError ? (error.message.split(' ')[0] ?? '') : String(error),
  );
  return { outcome, at: Date.now() };
}

const ticking: Time = { now: () => Date.now(), sleep: () => Promise.reject(new Error('not slept')) };

/** Many calls at once, and time passes for all of them. */
async function together(count: number, chance: Chance, seen: Record<string, number>): Promise<void> {
  const start = Date.now();
  const calls = Array.from({ length: count }, () => {
    const plan = planOf(chance);
    return { plan, result: outcomeOf(plan, chance.in(0.5)) };
  });
  for (let ms = 0; ms < 505; ms += 1) {
    mock.timers.tick(1);
    // What a time-out lets go on is told before the next millisecond.
    await new Promise(setImmediate);
  }
  for (const { plan, result } of calls) {
    const { outcome, at } = await result;
    const first = firstOf(plan);
    assert.equal(outcome, first, JSON.stringify(plan));
    assert.ok(Math.abs(at - start - plan[first as keyof Plan]) <= 2, `${at - start} ${JSON.stringify(plan)}`);
    seen[first] = (seen[first] ?? 0) + 1;
  }
}

const seen: Record<string, number> = {};
mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1_000_000 });
const judge = await traces(20, (chance) => together(1_000, chance, seen)).finally(() => mock.timers.reset());

const judgeDeadlines = await traces(100_000, (chance) => {
  let now = 0;
  const time: Time = { ...ticking, now: () => now };
  let ctx: { signal: AbortSignal } = { signal: new AbortController().signal };
  let end = Number.POSITIVE_INFINITY;
  const stack = new DisposableStack();
  for (let depth = chance.int(4); depth > 0; depth -= 1) {
    const ms = 10_000 + chance.int(100_000);
    ({ ctx } = stack.use(withDeadline(ctx, { ms, reason: () => 'late', time })));
    end = Math.min(end, now + ms);
    now += chance.int(5_000);
    assert.equal(remainingMs(ctx.signal, time), Math.max(0, end - now));
  }
  stack.dispose();
});

test('of call, time-outs, deadline and caller the first one ends it, in 20,000 traces', (t) => {
  judge();
  t.diagnostic(JSON.stringify(seen));
  assert.equal(Object.keys(seen).length, 5);
});

test('a deadline within a deadline is the earlier of the two, however deep, in 100,000 traces', () => {
  judgeDeadlines();
  assert.equal(remainingMs(AbortSignal.abort()), 0);
});

test('a signal whose deadline was told bounds what is called with it', () => {
  const { signal } = new AbortController();
  tellDeadline(signal, 1_000);
  assert.ok(remainingMs(signal) > 900 && remainingMs(signal) <= 1_000);
  using within = withDeadline({ signal }, { ms: 60_000, reason: () => 'never' });
  assert.equal(within.ctx.signal, signal);
});
