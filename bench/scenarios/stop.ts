import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { makeTenant, type Node, startInstallation } from '../support/cluster.ts';
import { percentiles } from '../support/load.ts';
import { call, type Demo, dataDir, stop } from '../support/server.ts';
import { atMost } from '../support/targets.ts';

const TIMES = 50;
/** An answer that would take five minutes: nothing ends by itself. */
const CHUNKS = 3_000;
const GAP_MS = 100;
const BETWEEN_MS = 50;
const SCOPES = ['agents:read', 'agents:write', 'discussions:read', 'discussions:write'];

type Asked = { topic: string; lastChunkMs: number; abandonedMs?: number };
type Door = Pick<Demo, 'url' | 'api_key'>;
type Way = (door: Door, id: string) => Promise<unknown>;

/** What stops a speaker, by the word of the API. */
const WAYS: Record<string, Way> = {
  cancel: (door, id) => call(door, 'POST', `/discussions/${id}/cancel`),
  pause: (door, id) => call(door, 'POST', `/discussions/${id}/pause`),
  interrupt: (door, id) => call(door, 'POST', `/discussions/${id}/messages`, { content: 'Stop.' }),
};

/**
 * Stop from any node: discussions whose turns run in process B are stopped by requests to process A, which runs none.
 * Measured from the request to the moment at which the provider sees its connection closed; beside it the same by requests
 * to B itself.
 */
export async function run(): Promise<Record<string, unknown>> {
  const provider = spawn(process.execPath, ['bench/support/provider.ts', String(CHUNKS), String(GAP_MS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const origin = `http://127.0.0.1:${await firstLine(provider)}`;
  const installation = await startInstallation(dataDir(), { OPENAI_COMPATIBLE_URL: `${origin}/v1` });
  try {
    const [b, a] = [await installation.start('all', []), await installation.start('api', [])];
    const { key } = await makeTenant(b.ports[0] as number, SCOPES);
    const at = ({ ports }: Node): Door => ({ url: `http://127.0.0.1:${ports[0]}`, api_key: key });
    await stops(at(b), at(a), { provider: origin, way: 'cancel', times: 10 }); // warm-up, not counted
    const elsewhere: Record<string, Awaited<ReturnType<typeof stops>>> = {};
    const here: typeof elsewhere = {};
    for (const way of Object.keys(WAYS)) {
      elsewhere[way] = await stops(at(b), at(a), { provider: origin, way, times: TIMES });
      here[way] = await stops(at(b), at(b), { provider: origin, way, times: TIMES });
    }
    return {
      ...{ on_another_process: elsewhere, on_the_same_process: here },
      // Beside others on the same cores, the tail is theirs.
      load_average: loadavg().map(round),
      targets: Object.entries(elsewhere).map(([way, { p95Ms }]) =>
        atMost(`${way} by another process, to the provider, p95`, p95Ms, 100, 'ms'),
      ),
    };
  } finally {
    await installation.stop();
    await stop(provider);
  }
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  const [line] = (await once(stdout as NonNullable<typeof stdout>, 'data')) as [Buffer];
  return line.toString().trim();
}

/** Discussions are begun at one process, all at once, and stopped one after the other at another. */
async function stops(
  begin: Door,
  end: Door,
  { provider, way, times }: { provider: string; way: string; times: number },
) {
  const mark = `${Date.now() % 100_000}`;
  const agent = { name: `speaker-${way}-${mark}`, model: 'local/bench', instructions: 'Answer.' };
  const { id: agent_id } = await call<{ id: string }>(begin, 'POST', '/agents', agent);
  const begun = await Promise.all(
    Array.from({ length: times }, async (_, i) => {
      const topic = `bench-${mark}${String(i).padStart(4, '0')}`;
      const body = { topic, participants: [{ agent_id }], on_post: 'interrupt', limits: { max_turns: 1 } };
      const { id } = await call<{ id: string }>(begin, 'POST', '/discussions', body);
      return { topic, id };
    }),
  );
  await delay(1_000);
  const askedMs = new Map<string, number>();
  const answered: number[] = [];
  for (const { topic, id } of begun) {
    const from = performance.timeOrigin + performance.now();
    askedMs.set(topic, from);
    await WAYS[way]?.(end, id);
    answered.push(performance.timeOrigin + performance.now() - from);
    await delay(BETWEEN_MS);
  }
  await delay(500);
  const turns = (await (await fetch(`${provider}/turns`)).json()) as Asked[];
  const latencies = turns.flatMap(({ topic, abandonedMs }) => {
    const from = askedMs.get(topic);
    return from === undefined || abandonedMs === undefined ? [] : [abandonedMs - from];
  });
  if (latencies.length !== times) throw new Error(`${way}: ${latencies.length} of ${times} reached the provider`);
  return { times, ...percentiles(latencies), maxMs: round(Math.max(...latencies)), answered: percentiles(answered) };
}

const round = (ms: number): number => Math.round(ms * 100) / 100;
