import { setTimeout as delay } from 'node:timers/promises';
import { askedOf, followTypes, makeAgents, overheads, type Provider, startProvider } from '../support/crowd.ts';
import { median } from '../support/load.ts';
import { cpuSeconds, family, pssMiB } from '../support/process.ts';
import { call, type Demo, dataDir, METERED, removeDir, type Server, startServer } from '../support/server.ts';
import { atMost } from '../support/targets.ts';

const DISCUSSIONS = 1_000;
const ROUNDS = 3;
const TURNS = 3;
/** An answer: this many chunks, this far apart. 1,000 discussions are then 2,000 chunks and 100 turns a second. */
const CHUNKS = 20;
const GAP_MS = 500;
const ANSWER_MS = CHUNKS * GAP_MS;
/** Longer than an idle connection to a provider is kept. */
const SETTLE_MS = 6_000;

/**
 * Very many discussions that run at once in one process, each with a turn under way at nearly every moment: what Parley
 * adds to a turn, from the committed message before it to its request at the provider, and from the last chunk to the
 * committed message. Then what one more of them takes of memory.
 */
export async function run(): Promise<Record<string, unknown>> {
  const dir = dataDir();
  const provider = await startProvider(CHUNKS, GAP_MS);
  try {
    const env = { OPENAI_COMPATIBLE_URL: provider.url, REQUESTS_PER_MINUTE: '1000000' };
    const server = await startServer(dir, env, METERED);
    try {
      await wave(server, provider, { count: 100, spreadMs: 2_000, turns: 1 }); // warm-up, not counted
      const rounds: Awaited<ReturnType<typeof wave>>[] = [];
      for (let i = 0; i < ROUNDS; i += 1)
        rounds.push(await wave(server, provider, { count: DISCUSSIONS, spreadMs: ANSWER_MS, turns: TURNS }));
      const before = median(rounds.map(({ before }) => before.p95Ms));
      const after = median(rounds.map(({ after }) => after.p95Ms));
      const taken = await memory(server, provider);
      return {
        ...{ discussions: DISCUSSIONS, answer_ms: ANSWER_MS, chunks_an_answer: CHUNKS },
        ...{ before_p95_ms_median: before, after_p95_ms_median: after },
        rounds,
        memory: taken,
        targets: [
          atMost(`${DISCUSSIONS} discussions, before the provider is asked, p95`, before, 50, 'ms'),
          atMost('after its last chunk, p95', after, 50, 'ms'),
          atMost('memory of one that runs', taken.kib_per_discussion, 60, 'KiB'),
        ],
      };
    } finally {
      await server.stop();
    }
  } finally {
    await provider.stop();
    removeDir(dir);
  }
}

type Wave = { readonly count: number; readonly spreadMs: number; readonly turns: number };

/** Some discussions, begun evenly over one turn's time, so that turns end at different moments as they do in life. */
async function wave({ demo, pid }: Server, provider: Provider, wave: Wave) {
  const crowd = await gather(demo, wave.count);
  const [begin, cpuBefore] = [performance.now(), cpuSeconds(pid)];
  await start(demo, crowd, wave);
  await crowd.ended;
  crowd.leave();
  const share = (cpuSeconds(pid) - cpuBefore) / ((performance.now() - begin) / 1_000);
  const posted = new Map([...crowd.posted].map(([id, times]) => [crowd.topics.get(id) as string, times]));
  return {
    ...overheads(posted, await askedOf(provider)),
    server_cpu_share: Math.round(share * 100) / 100,
    server_and_database_pss_mib: pssMiB(family(pid)),
  };
}

/** Heap and what it holds outside of itself, garbage collected: at rest, while all speak, and when all have ended. */
async function memory(server: Server, provider: Provider) {
  await delay(SETTLE_MS);
  const rest = await server.kept();
  const crowd = await gather(server.demo, DISCUSSIONS);
  await start(server.demo, crowd, { count: DISCUSSIONS, spreadMs: ANSWER_MS / 2, turns: 1 });
  await delay(ANSWER_MS / 4);
  const speaking = (await askedOf(provider, 'speaking')).length;
  const busy = await server.kept();
  await crowd.ended;
  crowd.leave();
  await delay(SETTLE_MS);
  const after = await server.kept();
  const kib = (bytes: number, count: number) => Math.round((bytes * 10) / 1_024 / count) / 10;
  const bytes = ({ heap, external }: typeof rest) => heap + external;
  return {
    speaking_at_once: speaking,
    heap_kib_per_discussion: kib(busy.heap - rest.heap, speaking),
    external_kib_per_discussion: kib(busy.external - rest.external, speaking),
    kib_per_discussion: kib(bytes(busy) - bytes(rest), speaking),
    kib_left_of_an_ended_one: kib(bytes(after) - bytes(rest), DISCUSSIONS),
    rest_mib: Math.round(bytes(rest) / 2 ** 20),
  };
}

/** What is heard of some discussions that are about to be begun. */
async function gather(demo: Demo, count: number) {
  const participants = await makeAgents(demo, 2);
  const [posted, topics] = [new Map<string, number[]>(), new Map<string, string>()];
  const ended = Promise.withResolvers<void>();
  // A round that fails before anybody waits for its end fails by its own error.
  ended.promise.catch(() => {});
  let left = count;
  const leave = await followTypes(demo, ['message_posted', 'discussion_completed', 'discussion_paused'], (event) => {
    const id = event.data.discussion_id as string;
    if (event.type === 'message_posted') posted.set(id, [...(posted.get(id) ?? []), Date.parse(event.time)]);
    else if (event.type === 'discussion_paused') ended.reject(new Error(`A discussion paused: ${event.data.reason}`));
    else if (--left === 0) ended.resolve();
  });
  return { participants, posted, topics, ended: ended.promise, leave };
}

type Crowd = Awaited<ReturnType<typeof gather>>;

async function start(demo: Demo, { participants, topics }: Crowd, { count, spreadMs, turns }: Wave): Promise<void> {
  const mark = Date.now() % 10_000_000;
  const started = Array.from({ length: count }, async (_, i) => {
    await delay((i * spreadMs) / count);
    const topic = `bench-${mark}${String(i).padStart(5, '0')}`;
    const body = { topic, participants, policy: { type: 'round_robin' }, limits: { max_turns: turns } };
    topics.set((await call<{ id: string }>(demo, 'POST', '/discussions', body)).id, topic);
  });
  await Promise.all(started);
}
