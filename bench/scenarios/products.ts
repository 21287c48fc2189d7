import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import { uuidv7 } from '../../src/lib/ids.ts';
import { type Installation, makeTenant, startInstallation } from '../support/cluster.ts';
import { median } from '../support/load.ts';
import { cpuSeconds, pssMiB } from '../support/process.ts';
import { installPython } from '../support/python.ts';
import { dataDir, freePort, type Server, startServer, stop } from '../support/server.ts';
import { atLeast, atMost } from '../support/targets.ts';
import { startWire, type WireClient, type WireResult } from '../support/wire.ts';

const PRODUCTS = 10_000;
/** Those that the sides are compared with: all of them are in every cache. */
const WARM = 1_000;
const ROUNDS = 3;
const SECONDS = 3;
const CONNECTIONS = 64;
const MANY = 10_000;
const RATE = 10_000;
const ZIPF = { exponent: 1, warmSeconds: 2, seconds: 6, cacheBytes: 7.5 * 1024 * 1024 };
const MISSES = 1_000;
const PATH = '/api/v1/products/';
const OURS_MEMORY = 'parley, cache in memory';
const NODE_REDIS = 'node:http, cache in Redis';
const NODE_MEMORY = 'node:http, cache in memory';

/** Whom to ask, with which key, for which products. */
type Asked = { readonly port: number; readonly key: string; readonly ids: readonly string[] };
type Side = Asked & { readonly name: string; readonly pid: number };
type Text = { readonly id: string; readonly etag: string; readonly json: string };
type Api = Side & { readonly metricsPort: number };
type Bench = {
  readonly wire: WireClient;
  readonly installation: Installation;
  readonly api: Api;
};

/**
 * `GET /products/{id}` through the cache: authenticated, limited, logged, metered; one `api` process with PostgreSQL and a
 * Redis, beside the same by hand on node:http, and the same on FastAPI, in turn; and without a Redis, beside node:http
 * without one. CPU time of the server
 * a request, at saturation and at an even pace over 10,000 connections; what its cache is worth. The client, in a process of its
 * own, is on the same two cores.
 */
export async function run() {
  const dir = dataDir();
  const python = installPython(dir);
  const installation = await startInstallation(dir);
  const alone = await startServer(dir, { REQUESTS_PER_MINUTE: '100000000' });
  const wire = await startWire();
  const children: ChildProcess[] = [];
  try {
    const { pid, ports } = await installation.start('api', []);
    const [port, metricsPort] = [ports[0] as number, ports.at(-1) as number];
    const { tenantId, key } = await makeTenant(port, ['products:read', 'products:write']);
    const ids = await makeProducts(installation.env.DATABASE_URL as string, tenantId);
    const api: Api = { name: 'parley', pid, port, metricsPort, key, ids };
    const bench: Bench = { wire, installation, api };
    const texts = await textsOf(api);
    const tenant = await keepForPeers(installation, texts);
    const sides: Side[] = [api, await sideAlone(alone)];
    const starts = [
      () => startNode(NODE_REDIS, bench, texts, { PEER_TENANT: tenant, PEER_REDIS_URL: installation.env.REDIS_URL }),
      () => startNode(NODE_MEMORY, bench, texts, { PEER_TENANT: tenant }),
      () => startFastapi(bench, python, texts, tenant),
    ];
    for (const start of starts) {
      const { child, side } = await start();
      children.push(child);
      sides.push(side);
    }
    const compared = await compare(bench, sides);
    const pace = await paced(bench, api, CONNECTIONS);
    const many = await paced(bench, api, MANY);
    const manyOfPeer = await paced(bench, sides.find(({ name }) => name === NODE_REDIS) as Side, MANY);
    const zipf = await hitRatio(bench);
    const misses = await concurrentMisses(bench);
    const ours = compared.sides.parley as Summary;
    return {
      ...{ products: PRODUCTS, compared_with: WARM, bytes: texts[0]?.json.length, connections: CONNECTIONS },
      ...{ ...compared.sides, of_node_http: compared.ofNode, of_fastapi: compared.ofFastapi },
      of_node_http_in_memory: compared.ofNodeInMemory,
      paced: { rate: RATE, ...pace },
      many_connections: { connections: MANY, rate: RATE, ...many },
      many_connections_node_http: { connections: MANY, rate: RATE, ...manyOfPeer },
      ...{ zipf, misses },
      targets: [
        atMost(`a cached product at ${RATE}/s, p95`, pace.p95_ms, 10, 'ms'),
        atMost('CPU of the server a request, saturated', ours.cpu_us_per_request, 45, 'µs'),
        atMost('CPU of the server a request, at 10,000/s over 10,000 connections', many.cpu_us_per_request, 45, 'µs'),
        atMost('the process with 10,000 connections (PSS)', Math.round(many.mib * 1.048576), 300, 'MB'),
        atLeast('of bare node:http with the same duties', compared.ofNode, 0.8),
        atLeast('the same, both with the cache in their own memory', compared.ofNodeInMemory, 0.8),
        atMost('of the CPU of FastAPI, uvicorn and Redis', compared.ofFastapi, 0.167),
        atLeast('hit ratio under a Zipf load', zipf.hit_ratio, 0.95),
        atMost(`origin calls of ${MISSES} concurrent misses`, misses.fills, 1),
      ],
    };
  } finally {
    wire.stop();
    await Promise.all(children.map((child) => stop(child)));
    await alone.stop();
    await installation.stop();
  }
}

/** As many products as are compared, in a server that shares its cache with nobody. */
async function sideAlone({ pid, demo }: Server): Promise<Side> {
  const { port } = new URL(demo.url);
  const product = {
    ...{ name: 'Tea, second flush', description: 'Muscatel. '.repeat(12), stock: 40 },
    ...{ price: { amount: 1250, currency: 'EUR' }, attributes: { origin: 'Darjeeling', organic: true, grams: 100 } },
  };
  const headers = { authorization: `Bearer ${demo.api_key}`, 'content-type': 'application/json' };
  const ids: string[] = [];
  for (let n = 1; n <= WARM; n += 1) {
    const body = JSON.stringify({ ...product, sku: `TEA-${n}` });
    const answer = await fetch(`http://127.0.0.1:${port}${PATH.slice(0, -1)}`, { method: 'POST', headers, body });
    if (answer.status !== 201) throw new Error(`A product: ${answer.status} ${await answer.text()}`);
    ids.push(((await answer.json()) as { id: string }).id);
  }
  const side = { name: OURS_MEMORY, port: Number(port), pid, key: demo.api_key, ids };
  await textsOf(side);
  return side;
}

/** Straight into the tables: what is measured is how they are read. */
async function makeProducts(url: string, tenantId: string): Promise<string[]> {
  const ids = Array.from({ length: PRODUCTS }, () => uuidv7());
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    `insert into products (tenant_id, id, sku, name, description, amount, currency, attributes)
     select $1, id, 'TEA-' || n, 'Tea, second flush ' || n, $3, 1250, 'EUR', '{"origin": "Darjeeling", "organic": true, "grams": 100}'
     from unnest($2::uuid[]) with ordinality as t (id, n)`,
    [tenantId, ids, 'Muscatel. '.repeat(12)],
  );
  await client.query(
    'insert into product_stock (tenant_id, product_id, stock) select $1, id, 40 from unnest($2::uuid[]) as t (id)',
    [tenantId, ids],
  );
  await client.end();
  return ids;
}

/** What Parley answers; from then on it is in its cache. */
async function textsOf({ port, key, ids }: Asked): Promise<Text[]> {
  const headers = { authorization: `Bearer ${key}` };
  const texts: Text[] = [];
  for (const id of ids.slice(0, WARM)) {
    const answer = await fetch(`http://127.0.0.1:${port}${PATH}${id}`, { headers });
    if (answer.status !== 200) throw new Error(`A product: ${answer.status} ${await answer.text()}`);
    texts.push({ id, etag: answer.headers.get('etag') ?? '', json: await answer.text() });
  }
  return texts;
}

/** In the Redis where the peers look. */
async function keepForPeers({ env }: Installation, texts: readonly Text[]): Promise<string> {
  const tenant = randomUUID();
  const redis = new Redis(env.REDIS_URL as string);
  for (const { id, etag, json } of texts) await redis.set(`peer:${tenant}:product:${id}`, `${etag}\n${json}`);
  await redis.quit();
  return tenant;
}

async function startNode(
  name: string,
  { api: { key, ids } }: Bench,
  texts: readonly Text[],
  env: Record<string, string | undefined>,
) {
  const child = spawn(process.execPath, ['bench/peers/node/products.ts'], {
    env: { ...process.env, ...env, PEER_TOKEN: key, PEER_PATH: PATH },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  child.stdout?.resume();
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const kept = once(child, 'message');
  child.send(texts);
  await kept;
  return { child, side: { name, pid: child.pid as number, port, key, ids } };
}

async function startFastapi(
  { installation, api: { key, ids } }: Bench,
  python: string,
  texts: readonly Text[],
  tenant: string,
) {
  const port = await freePort();
  const child = spawn(python, ['bench/peers/fastapi/products.py', String(port)], {
    env: { ...process.env, PEER_TOKEN: key, PEER_TENANT: tenant, PEER_REDIS_URL: installation.env.REDIS_URL },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout?.resume();
  const headers = { authorization: `Bearer ${key}` };
  for (let tries = 0; ; tries += 1) {
    const answer = await fetch(`http://127.0.0.1:${port}${PATH}${texts[0]?.id}`, { headers }).catch(() => undefined);
    if (answer?.status === 200 && (await answer.text()) === texts[0]?.json) break;
    if (tries > 300) throw new Error('The FastAPI peer did not answer as it should within 15 s');
    await delay(50);
  }
  return { child, side: { name: 'fastapi', pid: child.pid as number, port, key, ids } };
}

type Summary = { cpu_us_per_request: number; rate: number; failed: number };

/** As many requests as each side answers, in turn; judged by CPU a request, which other work on the machine moves least. */
async function compare(bench: Bench, sides: readonly Side[]) {
  const rounds: Record<string, Summary>[] = [];
  for (const side of sides) await saturated(bench, side); // warm-up, not counted
  for (let i = 0; i < ROUNDS; i += 1) {
    const round: Record<string, Summary> = {};
    for (const side of sides) round[side.name] = await saturated(bench, side);
    rounds.push(round);
  }
  const of = (name: string, pick: (summary: Summary) => number) =>
    median(rounds.map((round) => pick(round[name] as Summary)));
  const share = (pick: (round: Record<string, Summary>) => number) =>
    Math.round(median(rounds.map(pick)) * 1_000) / 1_000;
  const cpu = (round: Record<string, Summary>, name: string) => (round[name] as Summary).cpu_us_per_request;
  return {
    sides: Object.fromEntries(
      sides.map(({ name }) => [
        name,
        {
          cpu_us_per_request: of(name, (side) => side.cpu_us_per_request),
          rate: of(name, (side) => side.rate),
          failed: rounds.reduce((sum, round) => sum + (round[name] as Summary).failed, 0),
        },
      ]),
    ),
    ofNode: share((round) => cpu(round, NODE_REDIS) / cpu(round, 'parley')),
    ofNodeInMemory: share((round) => cpu(round, NODE_MEMORY) / cpu(round, OURS_MEMORY)),
    ofFastapi: share((round) => cpu(round, 'parley') / cpu(round, 'fastapi')),
  };
}

async function saturated(bench: Bench, side: Side): Promise<Summary> {
  await open(bench, side, CONNECTIONS);
  await bench.wire.tell({ order: 'saturate', seconds: 0.5 });
  const { cpuUs, result } = await measured(side, () => bench.wire.tell({ order: 'saturate', seconds: SECONDS }));
  await bench.wire.tell({ order: 'close' });
  const rate = Math.round(result.sent / result.seconds);
  return { cpu_us_per_request: cpuUs, rate, failed: result.failed };
}

async function open({ wire }: Bench, { port, key, ids }: Side, connections: number): Promise<void> {
  await wire.tell({ order: 'open', port, connections });
  const paths = ids.slice(0, WARM).map((id) => `${PATH}${id}`);
  await wire.tell({ order: 'ask', paths, headers: { authorization: `Bearer ${key}` } });
}

async function measured({ pid }: Side, work: () => Promise<WireResult>) {
  const before = cpuSeconds(pid);
  const result = await work();
  return { result, cpuUs: Math.round(((cpuSeconds(pid) - before) * 1e7) / result.sent) / 10 };
}

/** 10,000 requests a second, evenly. The client's own CPU is told: where it has none left, latencies are its own. */
async function paced(bench: Bench, side: Side, connections: number) {
  const { wire } = bench;
  await open(bench, side, connections);
  await wire.tell({ order: 'pace', rate: RATE, seconds: 2 });
  const { cpuUs, result } = await measured(side, () => wire.tell({ order: 'pace', rate: RATE, seconds: 5 }));
  const mib = pssMiB([side.pid]);
  await wire.tell({ order: 'close' });
  const latency = { p50_ms: result.p50Ms, p95_ms: result.p95Ms, p99_ms: result.p99Ms };
  const answered = { rate_answered: Math.round(result.sent / result.seconds), failed: result.failed };
  return { cpu_us_per_request: cpuUs, ...latency, ...answered, client_cores: result.clientCores, mib };
}

/** All products, the first asked for most, with room for some four fifths of them in Redis; each was asked for before. */
async function hitRatio({ wire, api, installation }: Bench) {
  const { key, ids } = api;
  const redis = new Redis(installation.env.REDIS_URL as string);
  await redis.flushall();
  const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
  await redis.config('SET', 'maxmemory-policy', 'volatile-lfu');
  await redis.config('SET', 'maxmemory', used + ZIPF.cacheBytes);
  await wire.tell({ order: 'open', port: api.port, connections: CONNECTIONS });
  const paths = ids.map((id) => `${PATH}${id}`);
  await wire.tell({ order: 'ask', paths, headers: { authorization: `Bearer ${key}` }, zipf: ZIPF.exponent });
  await wire.tell({ order: 'each' });
  await wire.tell({ order: 'saturate', seconds: ZIPF.warmSeconds });
  const before = await cacheCounts(api);
  const result = await wire.tell({ order: 'saturate', seconds: ZIPF.seconds });
  const after = await cacheCounts(api);
  await wire.tell({ order: 'close' });
  const kept = await redis.dbsize();
  const evicted = Number(/evicted_keys:(\d+)/.exec(await redis.info('stats'))?.[1]);
  await redis.config('SET', 'maxmemory', 0);
  await redis.quit();
  const hits = after.hit - before.hit;
  return {
    ...{ exponent: ZIPF.exponent, requests: result.sent, failed: result.failed, kept, evicted },
    hit_ratio: Math.round((hits / (hits + after.miss - before.miss)) * 1e4) / 1e4,
  };
}

/** So many ask at once for what is in no cache. */
async function concurrentMisses({ wire, api, installation }: Bench) {
  const redis = new Redis(installation.env.REDIS_URL as string);
  await redis.flushall();
  await redis.quit();
  await wire.tell({ order: 'open', port: api.port, connections: MISSES });
  const before = await cacheCounts(api);
  const result = await wire.tell({ order: 'burst', path: `${PATH}${api.ids[0]}`, count: MISSES });
  const after = await cacheCounts(api);
  await wire.tell({ order: 'close' });
  return { requests: result.sent, failed: result.failed, p95_ms: result.p95Ms, fills: after.fills - before.fills };
}

/** As the server itself counts. */
async function cacheCounts({ metricsPort }: Api) {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const read = (labels: string) =>
    Number(new RegExp(`^cache_\\w+_total\\{cache="products",${labels}\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return { hit: read('result="hit"'), miss: read('result="miss"'), fills: read('outcome="begun"') };
}
