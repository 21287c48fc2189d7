import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { percentiles } from './load.ts';
import { call, type Demo, stop } from './server.ts';

/** A provider of the benchmark, in a process of its own. */
export type Provider = { readonly origin: string; readonly url: string; stop(): Promise<void> };
/** What the provider saw of a turn, by the `bench-N` in the discussion's topic. */
export type Asked = { topic: string; askedMs: number; lastChunkMs: number; abandonedMs?: number };

export async function startProvider(chunks: number, gapMs: number): Promise<Provider> {
  const child = spawn(process.execPath, ['bench/support/provider.ts', String(chunks), String(gapMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const origin = `http://127.0.0.1:${line.toString().trim()}`;
  return { origin, url: `${origin}/v1`, stop: () => stop(child) };
}

/** Turns that were answered or abandoned, or those that are being answered at this moment. */
export const askedOf = async ({ origin }: Provider, which: 'turns' | 'speaking' = 'turns'): Promise<Asked[]> =>
  (await (await fetch(`${origin}/${which}`)).json()) as Asked[];

export async function makeAgents(demo: Demo, count: number): Promise<{ agent_id: string }[]> {
  const mark = Date.now() % 100_000;
  const bodies = Array.from({ length: count }, (_, i) => ({ name: `speaker-${mark}-${i}`, model: 'local/bench' }));
  return Promise.all(
    bodies.map(async (body) => ({ agent_id: (await call<{ id: string }>(demo, 'POST', '/agents', body)).id })),
  );
}

/** An event of the log as a client reads it. */
export type LogEvent = { type: string; time: string; data: Record<string, unknown> };

/** One connection that follows some types of a whole tenant's events. */
export function followTypes(
  demo: Demo,
  types: readonly string[],
  take: (event: LogEvent) => void,
): Promise<() => void> {
  const path = `${demo.url}/api/v1/events/stream?types=${types.join(',')}`;
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${demo.api_key}` };
    const request = get(path, { agent: false, headers }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`GET ${path}: ${response.statusCode}`));
      let rest = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        const frames = (rest + text).split('\n\n');
        rest = frames.pop() ?? '';
        for (const frame of frames) {
          const data = /^data: (.*)$/m.exec(frame)?.[1];
          if (data !== undefined && frame.startsWith('id:')) take(JSON.parse(data) as LogEvent);
        }
      });
      response.once('error', () => {});
      resolve(() => request.destroy());
    });
    request.once('error', reject);
  });
}

/** Per discussion, from each last chunk to the committed message, and from there to the next request. */
export function overheads(posted: ReadonlyMap<string, readonly number[]>, asked: readonly Asked[]) {
  const turns = Map.groupBy(asked, ({ topic }) => topic);
  const [after, before]: [number[], number[]] = [[], []];
  for (const [topic, times] of posted) {
    const seen = (turns.get(topic) ?? []).sort((a, b) => a.askedMs - b.askedMs);
    times.forEach((time, i) => {
      const turn = seen[i];
      if (turn === undefined) throw new Error(`${topic}: message ${i + 1} of a turn that the provider never saw`);
      after.push(time - turn.lastChunkMs);
      const next = seen[i + 1];
      if (next !== undefined) before.push(next.askedMs - time);
    });
  }
  return { turns: after.length, before: percentiles(before), after: percentiles(after) };
}
