import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Type } from 'typebox';
import { serverWith } from '../../../test/support/http.ts';
import { createTracer, formatTraceparent, newTrace, parseTraceparent } from './trace.ts';
import { otlpSpans } from './trace-otlp.ts';

type OtlpSpan = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  status?: { code?: number };
  attributes: { key: string; value: Record<string, unknown> }[];
};
type OtlpBody = {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue: string } }[] };
    scopeSpans: { spans: OtlpSpan[] }[];
  }[];
};

/** A collector that speaks OTLP over HTTP, and keeps what it was sent. */
async function collector() {
  const bodies: OtlpBody[] = [];
  const paths: string[] = [];
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    paths.push(`${req.method} ${req.url}`);
    bodies.push(JSON.parse(Buffer.concat(chunks).toString()));
    res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths,
    bodies,
    spans: () =>
      bodies.flatMap(({ resourceSpans }) =>
        resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
      ),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

test('a traceparent is read as W3C writes it, and everything else is none', () => {
  const text = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const trace = parseTraceparent(text);
  assert.deepEqual(trace, { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', sampled: true });
  assert.equal(trace && formatTraceparent(trace), text);
  assert.ok(parseTraceparent(`01${text.slice(2)}-more`));
  for (const bad of [
    undefined,
    '',
    `ff${text.slice(2)}`,
    `${text}-more`,
    text.toUpperCase(),
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`,
  ])
    assert.equal(parseTraceparent(bad), undefined);
});

test('without an exporter nothing is sampled, and a trace is only carried on', () => {
  const tracer = createTracer();
  const parent = newTrace(true);
  assert.equal(tracer.start('a', parent).trace, parent);
  assert.equal(tracer.start('a', undefined).trace.sampled, false);
});

test('sampling is decided before a span is made', () => {
  let made = 0;
  const source = {
    start: () => {
      made += 1;
      return { trace: newTrace(true), set() {}, fail() {}, end() {} };
    },
    close: async () => {},
  };
  const never = createTracer({ source, sampleRatio: 0 });
  for (let n = 0; n < 100; n += 1) assert.equal(never.start('a', undefined).trace.sampled, false);
  assert.equal(made, 0);
  never.start('a', newTrace(true));
  assert.equal(made, 1);
});

test("a request's spans reach a collector over a socket, below the caller's trace", async () => {
  await using otlp = await collector();
  const source = otlpSpans({ endpoint: `${otlp.endpoint}/`, serviceName: 'parley', serviceVersion: '1.2.3' });
  const tracer = createTracer({ source });
  await using server = await serverWith({
    tracer,
    register: [
      (router) =>
        router.route({
          method: 'GET',
          url: '/work',
          operationId: 'work',
          summary: 's',
          tag: 't',
          access: 'authenticated',
          response: Type.Object({}),
          handler: ({ ctx }) => tracer.within('inner', ctx.trace, async () => ({})),
        }),
    ],
  });
  await server.start();
  const parent = newTrace(true);
  const answer = await fetch(`http://127.0.0.1:${server.ports[0]}/api/v1/work`, {
    headers: { authorization: 'Bearer all', traceparent: formatTraceparent(parent) },
  });
  assert.equal(answer.status, 200);
  await answer.text();
  await server.stop(1_000);
  await tracer.close();
  assert.deepEqual([...new Set(otlp.paths)], ['POST /v1/traces']);
  const outer = otlp.spans().find(({ name }) => name === '/api/v1/work');
  const inner = otlp.spans().find(({ name }) => name === 'inner');
  assert.equal(outer?.traceId, parent.traceId);
  assert.equal(outer?.parentSpanId, parent.spanId);
  assert.equal(inner?.parentSpanId, outer?.spanId);
  assert.equal(answer.headers.get('traceparent'), `00-${parent.traceId}-${outer?.spanId}-01`);
  const status = outer?.attributes.find(({ key }) => key === 'http.response.status_code');
  assert.deepEqual(status?.value, { intValue: 200 });
  const service = otlp.bodies[0]?.resourceSpans[0]?.resource.attributes.find(({ key }) => key === 'service.name');
  assert.equal(service?.value.stringValue, 'parley');
});
