import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createPool } from '../../platform/pool/pool.ts';
import { createMetrics } from '../../platform/telemetry/metrics.ts';
import { digest, digestOf } from './digest.ts';

const metrics = createMetrics();
const pool = createPool({ metrics });
const { signal } = new AbortController();
after(async () => {
  metrics.close();
  await pool.stop(1000);
});

test('a long text is digested on a thread, with the same result; a short one where it is', async () => {
  const text = 'A sentence of some words. And — “another” one!\n\n'.repeat(4_000);
  const short = text.slice(0, 1_000);
  assert.deepEqual(await digest(pool, short, signal), digestOf(short));
  assert.doesNotMatch(await metrics.text(), /pool_tasks_total\{/);
  assert.deepEqual(await digest(pool, text, signal), digestOf(text));
  assert.match(await metrics.text(), /pool_tasks_total\{task="digest",outcome="done"\} 1/);
});
