import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from './metrics.ts';

test('counters and histograms are told as Prometheus reads them', async (t) => {
  const metrics = createMetrics();
  t.after(metrics.close);
  const plain = metrics.counter({ name: 'plain_total', help: 'p' });
  const labelled = metrics.counter({ name: 'labelled_total', help: 'l', labels: ['a', 'b'] });
  const total = metrics.counter({ name: 'asked_total', help: 'a', total: () => 7 });
  const seconds = metrics.histogram({ name: 'took_seconds', help: 't', labels: ['route'], buckets: [0.1, 1] });
  labelled.labels('x', '"y"\n').inc(2);
  labelled.labels('x', '"y"\n').inc();
  labelled.labels('never', 'counted');
  for (const value of [0.1, 0.2, 5]) seconds.labels('/a').observe(value);
  seconds.labels('/never');
  const lines = (await metrics.text()).split('\n').filter((line) => /^(plain|labelled|asked|took)_/.test(line));
  assert.deepEqual(lines, [
    'plain_total 0',
    'labelled_total{a="x",b="\\"y\\"\\n"} 3',
    'asked_total 7',
    'took_seconds_bucket{le="0.1",route="/a"} 1',
    'took_seconds_bucket{le="1",route="/a"} 2',
    'took_seconds_bucket{le="+Inf",route="/a"} 3',
    'took_seconds_sum{route="/a"} 5.3',
    'took_seconds_count{route="/a"} 3',
  ]);
  plain.inc();
  assert.match(await metrics.text(), /^plain_total 1$/m);
  assert.throws(() => plain.inc(-1), RangeError);
  assert.throws(() => labelled.labels('one'), /has the labels a, b/);
  assert.equal(total.name, 'asked_total');
});
