/**
 * Commits events at an even pace, as a module does, in a process of its own that answers requests as well (`api`): each in a
 * transaction of its own, to one of many streams in turn. Told what to do over the process's line.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createApp } from '../../src/app.ts';
import { agentChanged } from '../../src/modules/agents/events.ts';
import { loadConfig } from '../../src/platform/config/load.ts';
import { append } from '../../src/platform/events/outbox.ts';
import { systemCtx } from '../../src/platform/system-ctx.ts';
import { createLog } from '../../src/platform/telemetry/log.ts';

export type Writing = {
  tenantId: string;
  rate: number;
  seconds: number;
  streams: number;
  /** So many more events a second, of 16 KiB each, go to this stream. */
  hot?: { stream: string; rate: number };
};

/** What was acknowledged: a number that was refused, or whose transaction's end is not known, is no hole. */
export type Acknowledged = readonly (readonly [stream: string, number: number])[];
/** `refused`: the database was too slow for the pace (a transaction waits 5 s for a connection, no longer). */
export type Written = { committed: number; refused: number; acknowledged: Acknowledged };

const LARGE = 'x'.repeat(16 * 1024);

const { config } = loadConfig(process.cwd(), '0.0.0');
const app = await createApp(config, { roles: ['api'], log: createLog({ level: 'error' }) });
await app.start();
const numbers = new Map<string, number>();
let turn = 0;

async function write({ tenantId, rate, seconds, streams, hot }: Writing): Promise<Written> {
  const ctx = systemCtx({ tenantId, id: 'bench', requestId: 'bench', signal: new AbortController().signal });
  const acknowledged: [string, number][] = [];
  const under: Promise<unknown>[] = [];
  let refused = 0;
  const commit = (stream: string, name: string) => {
    const version = (numbers.get(stream) ?? 0) + 1;
    numbers.set(stream, version);
    const data = { agent_id: '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b11', name, change: 'updated' as const, version };
    const done = app.db
      .inTx(ctx, async (tx) => void append(tx, agentChanged, { stream, subject: stream, data }))
      .then(
        () => void acknowledged.push([stream, version]),
        () => {
          refused += 1;
        },
      );
    under.push(done);
  };
  const begin = performance.now();
  const due = (aSecond: number) =>
    Math.min(aSecond * seconds, Math.floor(((performance.now() - begin) / 1000) * aSecond) + 1);
  const large = hot?.rate ?? 0;
  for (let sent = 0, sentLarge = 0; sent < rate * seconds || sentLarge < large * seconds; ) {
    for (const to = due(rate); sent < to; sent += 1) commit(`bench/${turn++ % streams}`, 'bench');
    for (const to = due(large); hot && sentLarge < to; sentLarge += 1) commit(hot.stream, LARGE);
    await delay(1);
  }
  await Promise.all(under);
  return { committed: acknowledged.length, refused, acknowledged };
}

process.on('message', (writing: Writing) => void write(writing).then((done) => process.send?.(done)));
process.once('SIGTERM', () => void app.stop(5_000).then(() => process.exit(0)));
process.send?.({ ports: app.http.ports });
