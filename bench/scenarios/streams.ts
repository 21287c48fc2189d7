import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { makeTenant, type Node, startInstallation, tell } from '../support/cluster.ts';
import type { Order, Report } from '../support/followers.ts';
import { median } from '../support/load.ts';
import { cpuSeconds, pssMiB } from '../support/process.ts';
import { dataDir } from '../support/server.ts';
import { atLeast, atMost } from '../support/targets.ts';
import type { Acknowledged, Writing, Written } from '../support/writer.ts';

const CLIENTS = 10_000;
const RATE = 1_000;
const SECONDS = 4;
const ROUNDS = 3;
/** 5 % of the clients, and the events of 16 KiB a second that each of them is sent: 1 MiB waits in the fifth round. */
const SLOW = 500;
const HOT_RATE = 2;
const PAIRS = 5;
const SLOW_SECONDS = 8;
const MANY = 19_000;
/** A process may have 20,000 files open here: so the clients are in two. */
const CLIENT_PROCESSES = 2;
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
    const stage: Stage = { installation, api, worker, writer, tenantId, key };
    const ask = await followers(stage);
    const live = await liveRounds(stage, ask);
    const slow = await slowRounds(stage, ask);
    const memory = await memoryOf(stage);
    const killed = await killOne(stage);
    return {
      ...{ clients: CLIENTS, events_a_second: RATE, ...live, slow_readers: slow, ...memory, killed },
      targets: [
        atMost(`${CLIENTS} clients, ${RATE} events/s, commit to client, p95`, live.p95_ms_median, 15, 'ms'),
        atLeast('connections of one process', memory.many, MANY),
        atMost('memory of one of them', memory.kib_per_connection, 16, 'KiB'),
        atMost("5 % that do not read: the others' p95 against when they read", slow.p95_ratio, 1.2, '×'),
        atMost(`${BACK} clients connected and caught up after kill -9`, killed.back_ms / 1_000, 10, 's'),
        atMost('acknowledged events they never heard of', killed.holes, 0),
      ],
    };
  } finally {
    await installation.stop();
  }
}

type Stage = {
  readonly installation: Awaited<ReturnType<typeof startInstallation>>;
  readonly api: Node;
  readonly worker: Node;
  readonly writer: ChildProcess;
  readonly tenantId: string;
  readonly key: string;
};
type Ask = (order: Order) => Promise<Report>;

async function followers({ installation }: Stage): Promise<Ask> {
  const { child } = await installation.attach<object>('bench/support/followers.ts');
  return (order) => tell<Report>(child, order);
}

const portOf = ({ ports }: Node) => ports[0] as number;

const write = ({ writer, tenantId }: Stage, more: Partial<Writing> = {}) =>
  tell<Written>(writer, { tenantId, rate: RATE, seconds: SECONDS, streams: CLIENTS, ...more } satisfies Writing);

async function liveRounds(stage: Stage, ask: Ask) {
  const { api, worker, key } = stage;
  const begun = performance.now();
  await ask({ do: 'open', port: portOf(api), key, from: 0, count: CLIENTS });
  const openedMs = Math.round(performance.now() - begun);
  await write(stage, { seconds: 2 });
  await delay(1_000);
  const rounds: Report['lateMs'][] = [];
  const [before, since] = [[api, worker].map(({ pid }) => cpuSeconds(pid)), performance.now()];
  for (let i = 0; i < ROUNDS; i += 1) rounds.push(await measured(ask, () => write(stage)));
  const seconds = (performance.now() - since) / 1_000;
  const share = (node: Node, i: number) =>
    Math.round(((cpuSeconds(node.pid) - (before[i] as number)) / seconds) * 100) / 100;
  return {
    opened_ms: openedMs,
    p95_ms_median: median(rounds.map(({ p95Ms }) => p95Ms)),
    event_to_client: rounds,
    ...{ api_cpu_share: share(api, 0), worker_cpu_share: share(worker, 1) },
    api_mib: pssMiB([api.pid]),
  };
}

/** One round of writing; every acknowledged event must come, once. */
async function measured(ask: Ask, writing: () => Promise<Written>): Promise<Report['lateMs']> {
  await ask({ do: 'reset' });
  const { acknowledged, refused } = await writing();
  const { doubled, holes, lateMs } = await settled(ask, acknowledged);
  if (refused > 0) process.stderr.write(`the database was too slow: ${refused} refused\n`);
  if (doubled > 0 || holes > 0) throw new Error(`${doubled} events came twice, ${holes} of them never`);
  return lateMs;
}

/** The report when all that was acknowledged has come, or after 10 s. */
async function settled(ask: Ask, acknowledged: Acknowledged): Promise<Report> {
  for (let i = 0; ; i += 1) {
    const report = await ask({ do: 'report', acknowledged });
    if (report.holes === 0 || i === 20) return report;
    await delay(500);
  }
}

/**
 * Two groups of 5 % on top: one reads, the other does not. In turn, the same large events are written to the stream of the
 * one and of the other, so that a round differs from the one before in nothing but that; what a round takes wanders with
 * whatever else the machine does, therefore each is judged beside its neighbour, and every other pair begins with the other
 * one. The groups are processes of their own. CPU of the server tells what the wandering may hide.
 */
async function slowRounds(stage: Stage, ask: Ask) {
  const { api } = stage;
  const groups = [await readers(stage, 'reading'), await readers(stage, 'not-reading')] as const;
  const before = await connectionsOf(stage);
  const round = async (stream: string) => {
    const cpu = cpuSeconds(api.pid);
    const late = await measured(ask, () => write(stage, { seconds: SLOW_SECONDS, hot: { stream, rate: HOT_RATE } }));
    return { ...late, apiCpuS: Math.round((cpuSeconds(api.pid) - cpu) * 100) / 100 };
  };
  const pairs: { reading: Awaited<ReturnType<typeof round>>; not_reading: Awaited<ReturnType<typeof round>> }[] = [];
  try {
    for (let i = 0; i < PAIRS; i += 1) {
      const first = i % 2 === 0 ? await round('bench/reading') : await round('bench/not-reading');
      const second = i % 2 === 0 ? await round('bench/not-reading') : await round('bench/reading');
      pairs.push(i % 2 === 0 ? { reading: first, not_reading: second } : { reading: second, not_reading: first });
    }
    const cut = before - (await connectionsOf(stage));
    const ratio = (of: (one: (typeof pairs)[number]['reading']) => number) =>
      Math.round(median(pairs.map((pair) => of(pair.not_reading) / of(pair.reading))) * 100) / 100;
    const ratios = { p95_ratio: ratio(({ p95Ms }) => p95Ms), cpu_ratio: ratio(({ apiCpuS }) => apiCpuS) };
    return { clients: SLOW, cut, ...ratios, pairs };
  } finally {
    for (const group of groups) group.stdin.end();
  }
}

async function readers({ api, key }: Stage, mode: 'reading' | 'not-reading') {
  const args = ['bench/support/readers.py', String(portOf(api)), key, `bench/${mode}`, String(SLOW), mode];
  const child = spawn('python3', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

async function connectionsOf({ api, key }: Stage): Promise<number> {
  const headers = { authorization: `Bearer ${key}` };
  const answer = await fetch(`http://127.0.0.1:${portOf(api)}/api/v1/system`, { headers });
  return ((await answer.json()) as { connections: number }).connections;
}

/** A process of its own, so that what the rounds left does not count. */
async function memoryOf(stage: Stage) {
  const api = await stage.installation.start('api');
  const [rest, pss] = [await api.kept(), pssMiB([api.pid])];
  const count = MANY / CLIENT_PROCESSES;
  const all: Ask[] = [];
  for (let i = 0; i < CLIENT_PROCESSES; i += 1) {
    const ask = await followers(stage);
    await ask({ do: 'open', port: portOf(api), key: stage.key, from: i * count, count });
    all.push(ask);
  }
  const reports = await Promise.all(all.map((ask) => ask({ do: 'report' })));
  const full = await api.kept();
  const kib = (full.heap + full.external - rest.heap - rest.external) / 1024 / MANY;
  const mib = pssMiB([api.pid]);
  await Promise.all(all.map((ask) => ask({ do: 'end' })));
  await api.stop();
  return {
    many: reports.reduce((sum, { open }) => sum + open, 0),
    kib_per_connection: Math.round(kib * 10) / 10,
    kib_per_connection_pss: Math.round(((mib - pss) * 10 * 1024) / MANY) / 10,
    many_mib: mib,
  };
}

/** `kill -9` of the process that 5,000 clients are connected to; they come to one that has 10,000, and events go on. */
async function killOne(stage: Stage) {
  const doomed = await stage.installation.start('api');
  const ask = await followers(stage);
  await ask({ do: 'open', port: portOf(doomed), key: stage.key, from: 0, count: BACK });
  // Each client has heard one event, so that it knows its place.
  await measured(ask, () => write(stage, { seconds: BACK / RATE, streams: BACK }));
  await ask({ do: 'move', port: portOf(stage.api) });
  await ask({ do: 'reset' });
  const writing = write(stage, { rate: RATE / 2, seconds: 20, streams: BACK });
  await delay(1_000);
  const killedAt = performance.timeOrigin + performance.now();
  doomed.child.kill('SIGKILL');
  const { acknowledged, refused } = await writing;
  const { open, reconnected, holes, doubled, turnedAway, lastOpenAtMs, lastLateAtMs } = await settled(
    ask,
    acknowledged,
  );
  return {
    ...{
      clients: BACK,
      open,
      reconnected,
      turned_away: turnedAway,
      holes,
      doubled,
      acknowledged: acknowledged.length,
      refused,
    },
    connected_ms: Math.round(lastOpenAtMs - killedAt),
    // Back is who has heard what was missed: nothing came more than a second late after this.
    back_ms: Math.round(Math.max(lastOpenAtMs, lastLateAtMs) - killedAt),
  };
}
