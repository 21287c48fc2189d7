import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { makeTenant, startInstallation } from '../support/cluster.ts';
import { drive, type Load, type Measured, median, saturate } from '../support/load.ts';
import { cpuSeconds, pssMiB } from '../support/process.ts';
import { dataDir, stop } from '../support/server.ts';
import { atLeast, atMost } from '../support/targets.ts';

const RATE = 3_000;
const SECONDS = 3;
const ROUNDS = 2;
const CONNECTIONS = 64;

type Side = { pid: number; load: Pick<Load, 'origin' | 'path' | 'headers'> };
type Round = { cpuUs: number; rate: number; paced: Measured; failed: number };

/**
 * `GET /products/{id}` through the cache: authenticated, limited, logged, metered; one `api` process with a Redis, beside bare
 * node:http with the same duties, in turn. CPU time of the server a request at saturation, latency at an even pace. The client
 * is on the same two cores.
 */
export async function run(): Promise<Record<string, unknown>> {
  const installation = await startInstallation(dataDir());
  try {
    const api = await installation.start('api', []);
    const port = api.ports[0] as number;
    const { key } = await makeTenant(port, ['products:read', 'products:write']);
    const headers = { authorization: `Bearer ${key}` };
    const made = await fetch(`http://127.0.0.1:${port}/api/v1/products`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ name: 'Tea, second flush', description: 'Muscatel. '.repeat(12), sku: 'TEA-2', stock: 40 },
        ...{
          price: { amount: 1_250, currency: 'EUR' },
          attributes: { origin: 'Darjeeling', organic: true, grams: 100 },
        },
      }),
    });
    const { id } = (await made.json()) as { id: string };
    const path = `/api/v1/products/${id}`;
    const first = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
    const [body, etag] = [await first.text(), first.headers.get('etag') ?? ''];
    const ours: Side = { pid: api.pid, load: { origin: `http://127.0.0.1:${port}`, path, headers } };
    const child = spawn(process.execPath, ['bench/peers/node/products.ts'], {
      env: { ...process.env, PEER_TOKEN: key, PEER_PATH: path, PEER_BODY: body, PEER_ETAG: etag },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    try {
      const [said] = (await once(child, 'message')) as [{ port: number }];
      const peer = { pid: child.pid as number, load: { ...ours.load, origin: `http://127.0.0.1:${said.port}` } };
      return { bytes: body.length, rate: RATE, ...(await compare(ours, peer)), mib: pssMiB([api.pid]) };
    } finally {
      await stop(child);
    }
  } finally {
    await installation.stop();
  }
}

async function compare(ours: Side, peer: Side): Promise<Record<string, unknown>> {
  const rounds: { ours: Round; peer: Round }[] = [];
  for (const side of [ours, peer]) await round(side); // warm-up, not counted
  for (let i = 0; i < ROUNDS; i += 1) rounds.push({ ours: await round(ours), peer: await round(peer) });
  const of = (side: 'ours' | 'peer', pick: (r: Round) => number) => median(rounds.map((r) => pick(r[side])));
  const summary = (side: 'ours' | 'peer') => ({
    cpu_us_per_request: of(side, (r) => r.cpuUs),
    saturated_rate: of(side, (r) => r.rate),
    paced_p50_ms: of(side, (r) => r.paced.p50Ms),
    paced_p95_ms: of(side, (r) => r.paced.p95Ms),
    failed: rounds.reduce((sum, r) => sum + r[side].failed, 0),
  });
  const ratio = median(rounds.map((r) => r.peer.cpuUs / r.ours.cpuUs));
  return {
    parley: summary('ours'),
    'node:http': summary('peer'),
    of_node_http: Math.round(ratio * 100) / 100,
    targets: [
      atMost(
        'a cached product: CPU of the server a request',
        of('ours', (r) => r.cpuUs),
        45,
        'µs',
      ),
      atLeast('rate against bare node:http with the same duties', Math.round(ratio * 100) / 100, 0.8, '×'),
      atMost(
        `at ${RATE} requests/s, p95`,
        of('ours', (r) => r.paced.p95Ms),
        10,
        'ms',
      ),
    ],
  };
}

async function round({ pid, load }: Side): Promise<Round> {
  const paced = await drive({ ...load, rate: RATE, seconds: SECONDS, connections: CONNECTIONS });
  const before = cpuSeconds(pid);
  const full = await saturate({ ...load, seconds: SECONDS, connections: CONNECTIONS });
  return {
    paced,
    cpuUs: Math.round(((cpuSeconds(pid) - before) * 1e6) / full.sent),
    rate: Math.round(full.sent / SECONDS),
    failed: paced.failed + full.failed,
  };
}
