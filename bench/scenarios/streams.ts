import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { makeTenant, type Node, startInstallation, tell } from '../support/cluster.ts';
import type { Order, Report } from '../support/followers.ts';
import { median } from '../support/load.ts';
import { cpuSeconds, pssMiB } from '../support/process.ts';
import { dataDir } from '../support/server.ts';
import type { Writing, Written } from '../support/writer.ts';

const CLIENTS = 10_000;
const RATE = 1_000;
const SECONDS = 4;
const ROUNDS = 3;
/** Clients of the stream that everybody of them gets, and its events a second, for the slow ones among them. */
const HOT_CLIENTS = 500;
const HOT_RATE = 20;
const MANY = 18_500;
const BACK = 5_000;

/**
 * From an event's own time, taken down inside of its transaction, to the client that follows its stream: commit,
 * sequencer in another process, Redis, hub, connection. Then what 5 % that do not read cost the others, what a
 * connection takes of memory, and how soon 5,000 clients are back when their process is killed.
 */
export async function run(): Promise<Record<string, unknown>> {
  const installation = await startInstallation(dataDir());
  try {
    const worker = await installation.start('worker');
    const api = await installation.start('api');
    const { tenantId, key } = await makeTenant(api.ports[0] as number, ['events:read']);
    const { child: writer } = await installation.attach<{ ports: number[] }>('bench/support/writer.ts');
    const stage = { api, worker, writer, tenantId, key };
    const live = await liveRounds(installation, stage);
    const memory = await memoryOf(installation, stage);
    const killed = await killOne(installation, stage);
    return {
      ...{ clients: CLIENTS, events_a_second: RATE, ...live, ...memory, ...killed },
      targets: { p95_ms: 15, kib_per_connection: 16, slow_ratio: 1.2, back_seconds: 10 },
    };
  } finally {
    await installation.stop();
  }
}

type Installation = Awaited<ReturnType<typeof startInstallation>>;
type Stage = { api: Node; worker: Node; writer: ChildProcess; tenantId: string; key: string };

async function followers(installation: Installation): Promise<(order: Order) => Promise<Report>> {
  const { child } = await installation.attach<object>('bench/support/followers.ts');
  return (order) => tell<Report>(child, order);
}

async function liveRounds(installation: Installation, { api, worker, writer, tenantId, key }: Stage) {
  const ask = await followers(installation);
  const ports = [api.ports[0] as number];
  const begun = performance.now();
  await ask({ do: 'open', ports, key, from: 0, count: CLIENTS });
  const openedMs = Math.round(performance.now() - begun);
  const write = (more: Partial<Writing> = {}) =>
    tell<Written>(writer, { tenantId, rate: RATE, seconds: SECONDS, streams: CLIENTS, ...more } satisfies Writing);
  await write({ seconds: 2 });
  await delay(1_000);
  const rounds: Report['lateMs'][] = [];
  const [before, since] = [[api, worker].map(({ pid }) => cpuSeconds(pid)), performance.now()];
  for (let i = 0; i < ROUNDS; i += 1) rounds.push((await measured(ask, write, true)).lateMs);
  const seconds = (performance.now() - since) / 1_000;
  const share = (node: Node, i: number) =>
    Math.round(((cpuSeconds(node.pid) - (before[i] as number)) / seconds) * 100) / 100;
  const cpu = { api_cpu_share: share(api, 0), worker_cpu_share: share(worker, 1) };
  // The same load, with 5 % of the clients on one busy stream: first they read, then they do not.
  await ask({ do: 'open', ports, key, from: 0, count: HOT_CLIENTS, stream: 'bench/hot' });
  const reading = (await measured(ask, () => write({ hot: HOT_RATE }))).lateMs;
  await ask({ do: 'pause', stream: 'bench/hot' });
  const slow = (await measured(ask, () => write({ hot: HOT_RATE }))).lateMs;
  return {
    opened_ms: openedMs,
    p95_ms_median: median(rounds.map(({ p95Ms }) => p95Ms)),
    event_to_client: rounds,
    ...cpu,
    api_mib: pssMiB([api.pid]),
    slow_readers: { reading, not_reading: slow, p95_ratio: Math.round((slow.p95Ms / reading.p95Ms) * 100) / 100 },
  };
}

async function measured(
  ask: (order: Order) => Promise<Report>,
  write: () => Promise<Written>,
  every = false,
): Promise<Report> {
  await ask({ do: 'reset' });
  const { committed, refused } = await write();
  await delay(2_000);
  const report = await ask({ do: 'report' });
  if (report.doubled > 0) throw new Error(`${report.doubled} events came twice`);
  if (refused > 0) process.stderr.write(`the database was too slow: ${refused} of ${committed + refused} refused\n`);
  // A number that was refused is a hole that is none.
  if (refused === 0 && report.missed > 0) throw new Error(`${report.missed} events were missed`);
  if (every && report.received !== committed) throw new Error(`${report.received} of ${committed} events arrived`);
  return report;
}

/** A process of its own, so that what the rounds left does not count. */
async function memoryOf(installation: Installation, { key }: Stage) {
  const api = await installation.start('api');
  const ask = await followers(installation);
  const [rest, pss] = [await api.kept(), pssMiB([api.pid])];
  await ask({ do: 'open', ports: [api.ports[0] as number], key, from: 0, count: MANY });
  const { open } = await ask({ do: 'report' });
  const full = await api.kept();
  const kib = (full.heap + full.external - rest.heap - rest.external) / 1024 / MANY;
  const mib = pssMiB([api.pid]);
  api.child.kill('SIGKILL');
  return {
    many: open,
    kib_per_connection: Math.round(kib * 10) / 10,
    kib_per_connection_pss: Math.round(((mib - pss) * 10 * 1024) / MANY) / 10,
    many_mib: mib,
  };
}

/** `kill -9` of the process that 5,000 clients are connected to; they come to the other one, and events go on. */
async function killOne(installation: Installation, { api, writer, tenantId, key }: Stage) {
  const doomed = await installation.start('api');
  const ask = await followers(installation);
  const streams = BACK;
  await ask({ do: 'open', ports: [doomed.ports[0] as number], key, from: 0, count: BACK });
  // Each client has heard one event, so that it knows its place.
  await tell(writer, { tenantId, rate: RATE, seconds: BACK / RATE, streams } satisfies Writing);
  await ask({ do: 'reset' });
  await ask({ do: 'move', ports: [api.ports[0] as number] });
  const writing = tell<Written>(writer, { tenantId, rate: RATE / 2, seconds: 20, streams } satisfies Writing);
  await delay(1_000);
  const killedAt = performance.timeOrigin + performance.now();
  doomed.child.kill('SIGKILL');
  const { refused } = await writing;
  await delay(2_000);
  const { open, reconnected, missed, doubled, lastOpenAtMs } = await ask({ do: 'report' });
  return {
    killed: {
      clients: BACK,
      open,
      reconnected,
      missed,
      doubled,
      refused,
      back_ms: Math.round(lastOpenAtMs - killedAt),
    },
  };
}
