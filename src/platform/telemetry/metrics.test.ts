import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { serverWith } from '../../../test/support/http.ts';
import { createMetrics, measurePools } from './metrics.ts';
import { createMetricsServer } from './server.ts';

test('requests are measured by route template and status, on a port of their own', async () => {
  const metrics = createMetrics();
  await using server = await serverWith({
    metrics,
    register: [
      (router) =>
        router.route({
          method: 'GET',
          url: '/things/:thing_id',
          operationId: 'getThing',
          summary: 's',
          tag: 't',
          access: 'authenticated',
          params: Type.Object({ thing_id: Type.String() }),
          response: Type.Object({}),
          handler: async () => ({}),
        }),
    ],
  });
  measurePools(metrics, () => [{ role: 'app', busy: 2, idle: 1, waiting: 0 }]);
  const internal = createMetricsServer({ host: '127.0.0.1', port: 0, metrics });
  await internal.start();
  await server.start();
  try {
    for (const id of ['a', 'b', 'c']) {
      const answer = await fetch(`http://127.0.0.1:${server.ports[0]}/api/v1/things/${id}`, {
        headers: { authorization: 'Bearer all' },
      });
      await answer.text();
    }
    const read = async (path: string) => fetch(`http://127.0.0.1:${internal.port}${path}`);
    const text = await (await read('/metrics')).text();
    assert.match(
      text,
      /http_request_duration_seconds_count\{method="GET",route="\/api\/v1\/things\/:thing_id",status="200"\} 3/,
    );
    assert.match(text, /http_requests_in_flight 0/);
    assert.match(text, /event_loop_delay_seconds\{quantile="0\.99"\} \d/);
    assert.match(text, /db_pool\{role="app",state="busy"\} 2/);
    assert.deepEqual(await (await read('/health')).json(), { status: 'ok' });
    assert.equal((await read('/other')).status, 404);
  } finally {
    await internal.stop(1_000);
    await internal.stop(1_000);
  }
});
