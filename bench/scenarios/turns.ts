import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { percentiles } from '../support/load.ts';
import { cpuSeconds, family, pssMiB } from '../support/process.ts';
import { call, type Demo, dataDir, removeDir, startServer, stop } from '../support/server.ts';
import { atMost } from '../support/targets.ts';

const DISCUSSIONS = 200;
/** A few at a time, on a quiet server. */
const FEW = 15;
/** Cancelled one after the other. */
const STOPPED = 40;
const TURNS = 3;
/** An answer: this many chunks, this far apart. 200 discussions are then 2,000 chunks a second. */
const CHUNKS = 100;
const GAP_MS = 100;

type Asked = { topic: string; askedMs: number; lastChunkMs: number; abandonedMs?: number };
/** When a discussion's messages were committed (the event's own time) and how late its chunks came. */
type Heard = { topic: string; postedMs: number[]; relayMs: number[] };

/**
 * What Parley adds to a turn: from the provider's last chunk to the committed message, from there to the next request
 * at the provider, and from a chunk's sending to its arrival at an SSE client, while all discussions stream at once.
 */
export async function run(): Promise<Record<string, unknown>> {
  const dir = dataDir();
  const provider = spawn(process.execPath, ['bench/support/provider.ts', String(CHUNKS), String(GAP_MS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = (await once(provider.stdout, 'data')) as [Buffer];
    const origin = `http://127.0.0.1:${line.toString().trim()}`;
    const server = await startServer(dir, { OPENAI_COMPATIBLE_URL: `${origin}/v1` });
    try {
      await wave(server.demo, origin, { count: 10, spreadMs: 1000 }); // warm-up, not counted
      const few = await wave(server.demo, origin, { count: FEW, spreadMs: FEW * 400 });
      const before = cpuSeconds(server.pid);
      const all = await wave(server.demo, origin, { count: DISCUSSIONS, spreadMs: CHUNKS * GAP_MS });
      const cpu = cpuSeconds(server.pid) - before;
      const stopped = await stops(server.demo, origin);
      return {
        few_discussions: few,
        [`${DISCUSSIONS}_discussions`]: {
          ...all,
          server_cpu_us_per_chunk: Math.round((cpu * 1e6) / (DISCUSSIONS * TURNS * CHUNKS)),
          pss_mib: pssMiB(family(server.pid)),
        },
        stop: stopped,
        targets: [
          atMost(`${DISCUSSIONS} discussions, before the provider is asked, p95`, all.before.p95Ms, 25, 'ms'),
          atMost('after its last chunk, p95', all.after.p95Ms, 25, 'ms'),
          atMost('a chunk from the provider to its reader, p95', all.relay.p95Ms, 10, 'ms'),
          atMost('a cancel to the provider, p95', stopped.p95Ms, 100, 'ms'),
        ],
      };
    } finally {
      await server.stop();
    }
  } finally {
    await stop(provider);
    removeDir(dir);
  }
}

/** From the request that cancels a discussion to the provider that notices, while the others go on. */
async function stops(demo: Demo, provider: string) {
  const mark = `${Date.now() % 100_000}`;
  const agent = await makeAgent(demo, `bench-agent-stop-${mark}`);
  const begun = await Promise.all(
    Array.from({ length: STOPPED }, async (_, i) => {
      const topic = `bench-${mark}${String(i).padStart(4, '0')}`;
      const { id } = await call<{ id: string }>(demo, 'POST', '/discussions', { topic, participants: [agent] });
      return { topic, id };
    }),
  );
  await delay(10 * GAP_MS);
  const cancelledMs = new Map<string, number>();
  for (const { topic, id } of begun) {
    cancelledMs.set(topic, performance.timeOrigin + performance.now());
    await call(demo, 'POST', `/discussions/${id}/cancel`);
    await delay(GAP_MS / 2);
  }
  const asked = (await (await fetch(`${provider}/turns`)).json()) as Asked[];
  const latencies = asked.flatMap(({ topic, abandonedMs }) => {
    const from = cancelledMs.get(topic);
    return from === undefined || abandonedMs === undefined ? [] : [abandonedMs - from];
  });
  if (latencies.length !== STOPPED) throw new Error(`${latencies.length} of ${STOPPED} reached the provider`);
  return { discussions: STOPPED, ...percentiles(latencies) };
}

const makeAgent = async (demo: Demo, name: string): Promise<{ agent_id: string }> => {
  const agent = { name, model: 'local/bench', instructions: 'Answer.' };
  return { agent_id: (await call<{ id: string }>(demo, 'POST', '/agents', agent)).id };
};

/** Some discussions, begun evenly over a time, so that turns end at different moments as they do in life. */
async function wave(demo: Demo, provider: string, { count, spreadMs }: { count: number; spreadMs: number }) {
  const mark = `${Date.now() % 100_000}`;
  const participants = await Promise.all(['a', 'b'].map((name) => makeAgent(demo, `bench-agent-${name}-${mark}`)));
  const heard = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const topic = `bench-${mark}${String(i).padStart(4, '0')}`;
      await delay((i * spreadMs) / count);
      const { id, cursor } = await call<{ id: string; cursor: string }>(demo, 'POST', '/discussions', {
        topic,
        participants,
        policy: { type: 'round_robin' },
        limits: { max_turns: TURNS },
        start: true,
      });
      return listen(demo, topic, `/api/v1/discussions/${id}/events?cursor=${cursor}`);
    }),
  );
  const asked = (await (await fetch(`${provider}/turns`)).json()) as Asked[];
  return { discussions: count, ...overheads(heard, asked) };
}

function overheads(heard: readonly Heard[], asked: readonly Asked[]) {
  const after: number[] = [];
  const before: number[] = [];
  for (const { topic, postedMs } of heard) {
    const turns = asked.filter((turn) => turn.topic === topic).sort((a, b) => a.askedMs - b.askedMs);
    if (turns.length !== TURNS || postedMs.length !== TURNS) {
      throw new Error(`${topic}: ${turns.length} requests and ${postedMs.length} messages instead of ${TURNS}`);
    }
    postedMs.forEach((posted, i) => {
      after.push(posted - (turns[i] as Asked).lastChunkMs);
      const next = turns[i + 1];
      if (next !== undefined) before.push(next.askedMs - posted);
    });
  }
  const relay = heard.flatMap(({ relayMs }) => relayMs);
  return { chunks: relay.length, after: percentiles(after), before: percentiles(before), relay: percentiles(relay) };
}

/** Follows one discussion until it has completed. */
function listen(demo: Demo, topic: string, path: string): Promise<Heard> {
  const heard: Heard = { topic, postedMs: [], relayMs: [] };
  return new Promise((resolve, reject) => {
    const request = get(
      `${demo.url}${path}`,
      { agent: false, headers: { authorization: `Bearer ${demo.api_key}` } },
      (res) => {
        let rest = '';
        res.setEncoding('utf8');
        res.on('data', (text: string) => {
          const nowMs = performance.timeOrigin + performance.now();
          const frames = (rest + text).split('\n\n');
          rest = frames.pop() ?? '';
          for (const frame of frames) {
            if (frame.includes('event: message_delta')) {
              for (const [, sent] of frame.matchAll(/@(\d+\.\d+);/g)) heard.relayMs.push(nowMs - Number(sent));
            } else if (frame.includes('event: message_posted')) {
              heard.postedMs.push(Date.parse(/"time":"([^"]+)"/.exec(frame)?.[1] ?? ''));
            } else if (/event: discussion_(completed|paused|cancelled)/.test(frame)) {
              request.destroy();
              resolve(heard);
            }
          }
        });
        res.once('error', reject);
        if (res.statusCode !== 200) reject(new Error(`GET ${path}: ${res.statusCode}`));
      },
    );
    request.once('error', reject);
  });
}
