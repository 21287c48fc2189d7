import { randomUUID } from 'node:crypto';
import { Pool } from 'undici';
import { makeTenant, startInstallation } from '../support/cluster.ts';
import { median, percentiles } from '../support/load.ts';
import { cpuSeconds } from '../support/process.ts';
import { dataDir } from '../support/server.ts';
import { atLeast, atMost } from '../support/targets.ts';

const PRODUCTS = 1_000;
const RATE = 300;
const SECONDS = 3;
const ROUNDS = 2;
const CONNECTIONS = 32;

/**
 * `POST /orders`: an Idempotency-Key, stock, the order's lines and its event in one transaction on PostgreSQL with fsync; 1,000
 * products of which the first are asked for most (Zipf). At an even pace for the latency, then as many as there is room for.
 * One `api` process; nobody works on what the orders cause meanwhile. The client is on the same two cores.
 */
export async function run(): Promise<Record<string, unknown>> {
  const installation = await startInstallation(dataDir());
  try {
    const api = await installation.start('api', []);
    const origin = `http://127.0.0.1:${api.ports[0]}`;
    const { key } = await makeTenant(api.ports[0] as number, ['products:write', 'orders:write', 'orders:read']);
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const pool = new Pool(origin, { connections: CONNECTIONS, pipelining: 1 });
    const post = async (path: string, body: object): Promise<{ status: number; id: string }> => {
      const answer = await pool.request({
        ...{ method: 'POST', path: `/api/v1${path}`, body: JSON.stringify(body) },
        headers: { ...headers, 'idempotency-key': randomUUID() },
      });
      const { id = '' } = (await answer.body.json()) as { id?: string };
      return { status: answer.statusCode, id };
    };
    const products: string[] = [];
    for (let i = 0; i < PRODUCTS; i += 20) {
      const twenty = Array.from({ length: 20 }, (_, n) =>
        post('/products', { name: `Tea ${i + n}`, price: { amount: 700, currency: 'EUR' }, stock: 1_000_000 }),
      );
      products.push(...(await Promise.all(twenty)).map(({ id }) => id));
    }
    const pick = zipf(products);
    let failed = 0;
    const order = async () => {
      const lines = [...new Set([pick(), pick()])].map((product_id) => ({ product_id, quantity: 1 }));
      if ((await post('/orders', { lines })).status !== 201) failed += 1;
    };
    await full(order, 2);
    const rounds = [];
    for (let i = 0; i < ROUNDS; i += 1) {
      const latency = await paced(order);
      const before = cpuSeconds(api.pid);
      const sent = await full(order, SECONDS);
      rounds.push({
        ...latency,
        rate: Math.round(sent / SECONDS),
        cpuUs: Math.round(((cpuSeconds(api.pid) - before) * 1e6) / sent),
      });
    }
    await pool.close();
    return {
      ...{ products: PRODUCTS, paced_rate: RATE, failed },
      orders_a_second: median(rounds.map(({ rate }) => rate)),
      cpu_us_per_order: median(rounds.map(({ cpuUs }) => cpuUs)),
      paced_p95_ms: median(rounds.map(({ p95Ms }) => p95Ms)),
      rounds,
      targets: [
        atLeast('orders a second', median(rounds.map(({ rate }) => rate)), 2_500, '/s'),
        atMost(`placing one at ${RATE}/s, p95`, median(rounds.map(({ p95Ms }) => p95Ms)), 15, 'ms'),
      ],
    };
  } finally {
    await installation.stop();
  }
}

async function paced(order: () => Promise<void>) {
  const latencies: number[] = [];
  const under: Promise<void>[] = [];
  const begin = performance.now();
  for (let sent = 0; sent < RATE * SECONDS; ) {
    const due = Math.min(RATE * SECONDS, Math.floor(((performance.now() - begin) / 1000) * RATE) + 1);
    for (; sent < due; sent += 1) {
      const dueMs = (sent / RATE) * 1000;
      under.push(order().then(() => void latencies.push(performance.now() - begin - dueMs)));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(under);
  return percentiles(latencies);
}

async function full(order: () => Promise<void>, seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1_000;
  let sent = 0;
  const one = async () => {
    for (; performance.now() < end; sent += 1) await order();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  return sent;
}

/** The nth of them is asked for in proportion to 1/n. */
function zipf(ids: readonly string[]): () => string {
  const sums: number[] = [];
  let sum = 0;
  for (let n = 1; n <= ids.length; n += 1) {
    sum += 1 / n;
    sums.push(sum);
  }
  return () => {
    const at = Math.random() * sum;
    let [low, high] = [0, ids.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < at) low = middle + 1;
      else high = middle;
    }
    return ids[low] as string;
  };
}
