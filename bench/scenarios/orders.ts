import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from '../../src/platform/db/connection.ts';
import { type Installation, makeTenant, startInstallation } from '../support/cluster.ts';
import { median, percentiles } from '../support/load.ts';
import { openPosts, type Posts } from '../support/posts.ts';
import { cpuSeconds, family } from '../support/process.ts';
import { dataDir } from '../support/server.ts';
import { atLeast, atMost } from '../support/targets.ts';

const PRODUCTS = 1_000;
const RATE = 1_000;
const SECONDS = 3;
const ROUNDS = 3;
const CONNECTIONS = 128;
const ORDERS = '/api/v1/orders';

/**
 * `POST /orders`: an Idempotency-Key, stock, the order's lines and its event in one transaction on PostgreSQL with fsync;
 * 1,000 products of which the first are asked for most (Zipf), one or two of them an order. At an even pace for the latency,
 * then as many as there is room for, and where the CPU goes: client, PostgreSQL and Redis are on the same two cores. One `api`
 * process, then two; nobody works on what the orders cause meanwhile.
 */
export async function run() {
  const installation = await startInstallation(dataDir());
  try {
    const api = await installation.start('api', []);
    const { key } = await makeTenant(api.ports[0] as number, ['products:write', 'orders:write', 'orders:read']);
    const shop = await openShop(api.ports[0] as number, key);
    const bench = { shops: [shop], installation };
    await full(bench, 2);
    const alone = await oneByOne(bench);
    const rounds = [];
    for (let i = 0; i < ROUNDS; i += 1) {
      const latency = await paced(bench);
      rounds.push({ paced: latency, saturated: await full(bench, SECONDS) });
    }
    const second = await installation.start('api', []);
    const other = await openShop(second.ports[0] as number, key, shop.products);
    await full({ shops: [other], installation }, 2);
    const two_processes = await full({ shops: [shop, other], installation }, SECONDS);
    for (const { posts } of [shop, other]) posts.close();
    const saturated = rounds.map((round) => round.saturated);
    const orders_a_second = median(saturated.map(({ rate }) => rate));
    const paced_p95_ms = median(rounds.map(({ paced: { p95Ms } }) => p95Ms));
    return {
      ...{ products: PRODUCTS, paced_rate: RATE, connections: CONNECTIONS, failed: shop.failed + other.failed },
      ...{ orders_a_second, paced_p95_ms },
      cpu_us_per_order: saturated.toSorted((a, b) => a.rate - b.rate)[Math.floor(ROUNDS / 2)]?.cpu_us,
      orders_a_transaction: median(saturated.map(({ together }) => together)),
      ...{ alone, two_processes, rounds },
      targets: [
        atLeast('orders a second, one process', orders_a_second, 2_500, '/s'),
        atMost(`placing an order at ${RATE}/s, p95`, paced_p95_ms, 15, 'ms'),
      ],
    };
  } finally {
    await installation.stop();
  }
}

type Shop = {
  readonly posts: Posts;
  readonly products: readonly string[];
  failed: number;
  order(): Promise<void>;
};

type Bench = { readonly shops: readonly Shop[]; readonly installation: Installation };

/** Connections of a customer, to one process. Makes the products where there are none. */
async function openShop(port: number, key: string, known?: readonly string[]): Promise<Shop> {
  const posts = await openPosts(port, { connections: CONNECTIONS, headers: `authorization: Bearer ${key}\r\n` });
  const send = (path: string, body: object) =>
    posts.post(path, JSON.stringify(body), `idempotency-key: ${randomUUID()}\r\n`);
  const product = async (n: number): Promise<string> => {
    const price = { amount: 700, currency: 'EUR' };
    const { body } = await send('/api/v1/products', { name: `Tea ${n}`, price, stock: 10_000_000 });
    return (JSON.parse(body) as { id: string }).id;
  };
  const products = known ?? (await Promise.all(Array.from({ length: PRODUCTS }, (_, n) => product(n))));
  const pick = zipf(products);
  const shop: Shop = {
    ...{ posts, products, failed: 0 },
    async order() {
      const lines = [...new Set([pick(), pick()])].map((product_id) => ({ product_id, quantity: 1 }));
      if ((await send(ORDERS, { lines })).status !== 201) shop.failed += 1;
    },
  };
  return shop;
}

/** Who spends CPU: `api` is all Node processes but the client. */
type Who = 'api' | 'postgres' | 'redis' | 'client';

type Load = { readonly rate: number; readonly together: number; readonly cpu_us: Readonly<Record<Who, number>> };

async function measured({ installation }: Bench, load: () => Promise<number>): Promise<Load> {
  const [cpu, commits, begin] = [spent(), await commitsOf(installation), performance.now()];
  const orders = await load();
  const seconds = (performance.now() - begin) / 1_000;
  const [cpuAfter, commitsAfter] = [spent(), await commitsOf(installation)];
  const us = (of: Who) => {
    // A connection's process may have ended meanwhile: what it did is lost, rather than counted against the others.
    const used = [...cpuAfter].map(([pid, { who, cpu: after }]) => (who === of ? after - (cpu.get(pid)?.cpu ?? 0) : 0));
    return Math.round((used.reduce((sum, one) => sum + one, 0) * 1e6) / orders);
  };
  return {
    rate: Math.round(orders / seconds),
    together: Math.round((orders / (commitsAfter - commits)) * 10) / 10,
    cpu_us: { api: us('api'), postgres: us('postgres'), redis: us('redis'), client: us('client') },
  };
}

/** CPU seconds by process: the benchmark itself is the client, and what it started are the others. */
function spent(): Map<number, { who: Who; cpu: number }> {
  const { user, system } = process.cpuUsage();
  const found = new Map<number, { who: Who; cpu: number }>([
    [process.pid, { who: 'client', cpu: (user + system) / 1e6 }],
  ]);
  for (const pid of family(process.pid).filter((one) => one !== process.pid)) {
    try {
      const name = readFileSync(`/proc/${pid}/comm`, 'utf8');
      const who = name.startsWith('postgres') ? 'postgres' : name.startsWith('redis') ? 'redis' : 'api';
      found.set(pid, { who, cpu: cpuSeconds(pid) });
    } catch {
      // It ended between the listing and the reading.
    }
  }
  return found;
}

/** All commits of the database: the sequencer's and the like are a few a second among them. */
async function commitsOf({ env }: Installation): Promise<number> {
  const client = await connect(env.DATABASE_URL as string, { applicationName: 'bench' });
  const { rows } = await client.query(
    'select xact_commit::int as commits from pg_stat_database where datname = current_database()',
  );
  await client.end();
  return (rows[0] as { commits: number }).commits;
}

/** Request `i` is due at `i / RATE` whatever the server does, and its latency counts from that moment. */
async function paced(bench: Bench) {
  const latencies: number[] = [];
  const [shop] = bench.shops as [Shop];
  const { cpu_us, together } = await measured(bench, async () => {
    const under: Promise<void>[] = [];
    const begin = performance.now();
    for (let sent = 0; sent < RATE * SECONDS; ) {
      const due = Math.min(RATE * SECONDS, Math.floor(((performance.now() - begin) / 1000) * RATE) + 1);
      for (; sent < due; sent += 1) {
        const dueMs = (sent / RATE) * 1000;
        under.push(shop.order().then(() => void latencies.push(performance.now() - begin - dueMs)));
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await Promise.all(under);
    return RATE * SECONDS;
  });
  return { ...percentiles(latencies), together, cpu_us };
}

/** Every connection sends its next order as soon as the last one is answered. */
function full(bench: Bench, seconds: number): Promise<Load> {
  return measured(bench, async () => {
    const end = performance.now() + seconds * 1_000;
    let sent = 0;
    const one = async ({ order }: Shop) => {
      for (; performance.now() < end; sent += 1) await order();
    };
    await Promise.all(bench.shops.flatMap((shop) => Array.from({ length: CONNECTIONS }, () => one(shop))));
    return sent;
  });
}

/** One customer at a time: what an order takes that has no company. */
async function oneByOne(bench: Bench) {
  const [shop] = bench.shops as [Shop];
  const latencies: number[] = [];
  const { together, cpu_us } = await measured(bench, async () => {
    for (let n = 0; n < 200; n += 1) {
      const begin = performance.now();
      await shop.order();
      latencies.push(performance.now() - begin);
    }
    return latencies.length;
  });
  return { ...percentiles(latencies), together, cpu_us };
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
