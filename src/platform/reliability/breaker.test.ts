import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { microtasks, traces } from '../../../test/support/traces.ts';
import { AppError } from '../http/errors.ts';
import { PermanentError } from '../jobs/define.ts';
import { type BreakerState, createBreaker } from './breaker.ts';

type Outcome = 'ok' | 'failed' | 'answered' | 'left';
type Running = {
  readonly trial: number | undefined;
  readonly result: Promise<unknown>;
  settle(outcome: Outcome): void;
};

const LEFT = new DOMException('', 'AbortError');

const small = { name: 'x', window: 4, minCalls: 2, openMs: 1_000, maxOpenMs: 8_000 };

/** The breaker, told anew: a window of results, an hour to open at, one trial. */
class Model {
  state: BreakerState = 'closed';
  window: boolean[] = [];
  openedAt = 0;
  openMs = 0;
  tries = 0;
  trials = 0;

  /** The trial's number, undefined for an ordinary call, or that it is refused. */
  begin(now: number): number | undefined | 'refused' {
    if (this.state === 'closed') return undefined;
    if (this.state === 'half_open' || now - this.openedAt < this.openMs) return 'refused';
    this.state = 'half_open';
    this.tries += 1;
    return ++this.trials;
  }

  end(now: number, trial: number | undefined, outcome: Outcome): void {
    const good = outcome === 'ok' || outcome === 'answered';
    if (trial !== undefined) {
      if (this.state !== 'half_open' || trial !== this.trials) return;
      if (good) {
        this.state = 'closed';
        this.window = [true];
      } else this.#open(now);
      return;
    }
    if (outcome === 'left') return;
    this.#note(good);
    const failed = this.window.filter((one) => !one).length;
    if (!good && this.window.length >= 2 && failed > this.window.length / 2 && this.state !== 'open') {
      if (this.state === 'closed') this.tries = 1;
      this.#open(now);
    }
  }

  #note(good: boolean): void {
    this.window = [...this.window, good].slice(-4);
  }

  #open(now: number): void {
    this.state = 'open';
    this.openedAt = now;
    this.openMs = Math.round(Math.min(8_000, 1_000 * 2 ** (this.tries - 1)) * 0.9);
  }
}

const seen = { refused: 0, trials: 0, closed: 0, late: 0 };
const judge = await (() => {
  let now = 1_000_000;
  const { now: realNow } = Date;
  Date.now = () => now;
  return traces(100_000, async (chance) => {
    const model = new Model();
    const breaker = createBreaker({ ...small, random: () => 0.5 });
    const running: Running[] = [];
    const failing = Math.sqrt(chance.next());
    const settle = async (one: Running) => {
      const outcome = chance.in(failing) ? 'failed' : chance.pick<Outcome>(['ok', 'ok', 'ok', 'answered', 'left']);
      const before = model.state;
      model.end(now, one.trial, outcome);
      one.settle(outcome);
      await microtasks();
      if (before === 'half_open' && model.state === 'closed') seen.closed += 1;
      if (before === 'half_open' && one.trial === undefined && outcome === 'failed') seen.late += 1;
    };
    const steps = 6 + chance.int(8);
    for (let step = 0; step < steps; step += 1) {
      const what = chance.int(10);
      if (what === 0) {
        now += chance.pick([1, 500, 950, 2_000, 9_000]);
      } else if (what < 5 && running.length < 6) {
        const trial = model.begin(now);
        const { promise, resolve, reject } = Promise.withResolvers<string>();
        // What an AbortSignal costs is more than all the rest.
        const signal = { aborted: false, reason: undefined as unknown };
        const result = breaker.run(() => promise, signal as AbortSignal).catch((error: unknown) => error);
        if (trial === 'refused') {
          const error = await result;
          assert.ok(error instanceof AppError && error.code === 'upstream_unavailable');
          assert.ok(Number(error.headers['retry-after']) >= 1);
          seen.refused += 1;
        } else {
          if (trial !== undefined) seen.trials += 1;
          running.push({
            ...{ trial, result },
            settle(outcome) {
              if (outcome === 'ok') resolve('done');
              if (outcome === 'left') Object.assign(signal, { aborted: true, reason: LEFT });
              if (outcome === 'left') reject(LEFT);
              if (outcome === 'failed') reject(new Error('down'));
              if (outcome === 'answered') reject(new AppError('not_found'));
            },
          });
        }
      } else {
        const [one] = running.splice(chance.int(running.length), 1);
        if (one) await settle(one);
      }
      assert.equal(breaker.state(), model.state, `step ${step}`);
    }
    for (const one of running) await settle(one);
    assert.equal(breaker.state(), model.state);
  }).finally(() => {
    Date.now = realNow;
  });
})();

test('opens, tries and closes as its reference model does, in 100,000 traces', (t) => {
  judge();
  t.diagnostic(JSON.stringify(seen));
  assert.ok(Math.min(...Object.values(seen)) > 300, JSON.stringify(seen));
});

const down = () => Promise.reject(new Error('down'));
const options = { name: 'x', minCalls: 1, openMs: 1_000, random: () => 1 };

test('a trial that hangs has failed', async (t) => {
  mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1_000_000 });
  t.after(() => mock.timers.reset());
  const breaker = createBreaker({ ...options, trialMs: 5_000 });
  await assert.rejects(breaker.run(down), /down/);
  mock.timers.tick(1_000);
  const trial = breaker.run(() => new Promise(() => {}));
  await assert.rejects(breaker.run(down), { code: 'upstream_unavailable' });
  mock.timers.tick(5_000);
  await assert.rejects(trial, { code: 'upstream_unavailable' });
  assert.equal(breaker.state(), 'open');
  mock.timers.tick(2_000);
  assert.equal(await breaker.run(async () => 'back'), 'back');
  assert.equal(breaker.state(), 'closed');
});

test('our own refusals and what the caller did wrong are no failures; a deadline that ran out is one', async () => {
  const breaker = createBreaker({ ...options, minCalls: 2 });
  for (const code of ['overloaded', 'not_found', 'rate_limited'] as const) {
    await assert.rejects(
      breaker.run(() => Promise.reject(new AppError(code))),
      { code },
    );
  }
  const refused = () => Promise.reject(new PermanentError('refused', 'payment_refused'));
  for (let n = 0; n < 3; n += 1) await assert.rejects(breaker.run(refused), PermanentError);
  const left = AbortSignal.abort();
  await assert.rejects(
    breaker.run(() => Promise.reject(left.reason), left),
    { name: 'AbortError' },
  );
  assert.equal(breaker.state(), 'closed');
  const late = AbortSignal.abort(new AppError('upstream_timeout'));
  const call = breaker.wrap((ctx: { signal: AbortSignal }) => Promise.reject(ctx.signal.reason));
  for (let n = 0; n < 7; n += 1) await assert.rejects(call({ signal: late }), { code: 'upstream_timeout' });
  assert.equal(breaker.state(), 'open');
});

test('says when to come back', async () => {
  const breaker = createBreaker({ ...options, name: 'The payment service', openMs: 12_300 });
  await assert.rejects(breaker.run(down), /down/);
  await assert.rejects(breaker.run(down), (error: AppError) => {
    assert.deepEqual(error.headers, { 'retry-after': '13' });
    assert.equal(error.message, 'The payment service is not available at the moment.');
    return true;
  });
});
