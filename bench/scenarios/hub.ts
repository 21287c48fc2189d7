import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { makeAgents } from '../support/crowd.ts';
import { median, percentiles } from '../support/load.ts';
import { cpuSeconds } from '../support/process.ts';
import { call, type Demo, dataDir, METERED, removeDir, startServer } from '../support/server.ts';
import { atMost } from '../support/targets.ts';

const DISCUSSIONS = 500;
const SUBSCRIBERS = 5_000;
/** Messages a second, evenly spaced, each to another discussion: ten deliveries each. */
const RATE = 50;
const SECONDS = 6;
const ROUNDS = 3;

/**
 * From a message's event, taken down inside of its transaction, to each of the ten clients that follow its discussion:
 * commit, sequencer, hub and connection included. Everything runs on this machine, the clients in one process.
 */
export async function run(): Promise<Record<string, unknown>> {
  const dir = dataDir();
  try {
    const server = await startServer(dir, { REQUESTS_PER_MINUTE: '1000000' }, METERED);
    const { demo, pid } = server;
    const clients: Client[] = [];
    try {
      const participants = await makeAgents(demo, 1);
      const ids: string[] = [];
      for (let i = 0; i < DISCUSSIONS; i += 1) {
        const body = { topic: `bench ${i}`, participants, start: false };
        ids.push((await call<{ id: string }>(demo, 'POST', '/discussions', body)).id);
      }
      const rest = await server.kept();
      const lateMs: number[] = [];
      for (let i = 0; i < SUBSCRIBERS; i += 50) {
        const joining = Array.from({ length: 50 }, (_, n) => ids[(i + n) % DISCUSSIONS] as string);
        clients.push(...(await Promise.all(joining.map((id) => follow(demo, id, lateMs)))));
      }
      const full = await server.kept();
      await post(demo, ids, RATE); // warm-up, not counted
      const rounds: ReturnType<typeof percentiles>[] = [];
      const [cpu, begin] = [cpuSeconds(pid), performance.now()];
      for (let i = 0; i < ROUNDS; i += 1) {
        lateMs.length = 0;
        await post(demo, ids, RATE * SECONDS);
        const expected = (RATE * SECONDS * SUBSCRIBERS) / DISCUSSIONS;
        if (lateMs.length !== expected) throw new Error(`${lateMs.length} of ${expected} events arrived`);
        rounds.push(percentiles(lateMs));
      }
      const share = (cpuSeconds(pid) - cpu) / ((performance.now() - begin) / 1_000);
      return {
        ...{ discussions: DISCUSSIONS, subscribers: SUBSCRIBERS, messages_a_second: RATE },
        p95_ms_median: median(rounds.map(({ p95Ms }) => p95Ms)),
        event_to_client: rounds,
        server_cpu_share: Math.round(share * 100) / 100,
        kib_per_subscriber:
          Math.round((full.heap + full.external - rest.heap - rest.external) / 102.4 / SUBSCRIBERS) / 10,
        targets: [
          atMost(
            `${SUBSCRIBERS} clients of ${DISCUSSIONS} discussions, event to client, p95`,
            median(rounds.map(({ p95Ms }) => p95Ms)),
            ...([20, 'ms'] as const),
          ),
        ],
      };
    } finally {
      for (const client of clients) client.destroy();
      await server.stop();
    }
  } finally {
    removeDir(dir);
  }
}

async function post(demo: Demo, ids: readonly string[], count: number): Promise<void> {
  const begin = performance.now();
  const posts: Promise<unknown>[] = [];
  for (let i = 0; i < count; i += 1) {
    await delay(Math.max(0, begin + (i * 1_000) / RATE - performance.now()));
    posts.push(call(demo, 'POST', `/discussions/${ids[i % ids.length]}/messages`, { content: 'Hear, hear.' }));
  }
  await Promise.all(posts);
  await delay(1_000);
}

type Client = { destroy(): void };

/** Follows a discussion, and notes how late each message's event came. */
function follow(demo: Demo, id: string, lateMs: number[]): Promise<Client> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${demo.api_key}` };
    const path = `${demo.url}/api/v1/discussions/${id}/events`;
    const request = get(path, { agent: false, headers }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`GET ${path}: ${response.statusCode}`));
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        const now = performance.timeOrigin + performance.now();
        if (!text.includes('event: message_posted')) return;
        for (const [, time] of text.matchAll(/"time":"([^"]+)"/g)) lateMs.push(now - Date.parse(time as string));
      });
      response.once('error', () => {});
      resolve(request);
    });
    request.once('error', reject);
  });
}
