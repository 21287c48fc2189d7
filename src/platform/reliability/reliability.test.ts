import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../http/errors.ts';
import { silentLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createReliability } from './reliability.ts';
import { timeout } from './timeout.ts';

/** Lines of the text format that belong to these policies. */
async function lines(metrics: ReturnType<typeof createMetrics>): Promise<string[]> {
  const text = await metrics.text();
  return text.split('\n').filter((line) => /^(breaker|bulkhead|retry)_/.test(line));
}

test('a call through all of them, what they tell of it, and what is measured', async (t) => {
  const metrics = createMetrics();
  t.after(() => metrics.close());
  const reliability = createReliability({ metrics, log: silentLog });
  const breaker = reliability.breaker({ name: 'payments', minCalls: 4, window: 4 });
  const bulkhead = reliability.bulkhead({ name: 'payments', limit: 1, queue: 0 });
  const retry = reliability.retry({ name: 'payments', maxAttempts: 3, backoff: { baseMs: 1, capMs: 1 } });
  let answers: (string | Error)[] = [];
  const send = async (_ctx: { signal: AbortSignal }, what: string) => {
    const answer = answers.shift() ?? what;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const call = retry(breaker.wrap(timeout({ name: 'Payments', ms: 1_000 })(bulkhead.wrap(send))));
  const ctx = { signal: new AbortController().signal };
  const down = () => new AppError('upstream_unavailable');

  answers = [down(), down()];
  assert.equal(await call(ctx, 'third'), 'third');
  answers = [down(), down(), down()];
  await assert.rejects(call(ctx, 'x'), { code: 'upstream_unavailable' });
  assert.deepEqual(reliability.snapshot(), {
    breakers: [{ name: 'payments', state: 'open' }],
    bulkheads: [{ name: 'payments', limit: 1, inUse: 0, waiting: 0 }],
    budgets: [{ name: 'payments', retriesLeft: 7 }],
  });
  // Open: not asked, and not tried again.
  await assert.rejects(call(ctx, 'x'), { headers: { 'retry-after': '1' } });
  const busy = bulkhead.run(() => new Promise<void>((resolve) => setImmediate(resolve)));
  await assert.rejects(
    bulkhead.run(async () => {}),
    { code: 'overloaded' },
  );
  await busy;
  const told = await lines(metrics);
  for (const line of [
    'breaker_state{name="payments"} 2',
    'breaker_opened_total{name="payments"} 1',
    'bulkhead_calls{name="payments",state="limit"} 1',
    'bulkhead_refused_total{name="payments"} 1',
    'retry_budget{name="payments"} 7',
  ])
    assert.ok(told.includes(line), `${line} in\n${told.join('\n')}`);
  assert.throws(() => reliability.breaker({ name: 'payments' }), /two policies named payments/);
});
