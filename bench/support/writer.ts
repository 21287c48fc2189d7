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
  /** So many of a second's events go to `bench/hot` instead. */
  hot?: number;
};

/** `refused`: the database was too slow for the pace (a transaction waits 5 s for a connection, no longer). */
export type Written = { committed: number; refused: number };

const { config } = loadConfig(process.cwd(), '0.0.0');
const app = await createApp(config, { roles: ['api'], log: createLog({ level: 'error' }) });
await app.start();
const numbers = new Map<string, number>();
let turn = 0;

async function write({ tenantId, rate, seconds, streams, hot = 0 }: Writing): Promise<Written> {
  const ctx = systemCtx({ tenantId, id: 'bench', requestId: 'bench', signal: new AbortController().signal });
  const total = rate * seconds;
  const begin = performance.now();
  let refused = 0;
  const under: Promise<unknown>[] = [];
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - begin) / 1000) * rate) + 1);
    for (; sent < due; sent += 1) {
      const isHot = hot > 0 && sent % Math.round(rate / hot) === 0;
      const stream = isHot ? 'bench/hot' : `bench/${turn++ % streams}`;
      const version = (numbers.get(stream) ?? 0) + 1;
      numbers.set(stream, version);
      const data = {
        agent_id: '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b11',
        name: 'bench',
        change: 'updated' as const,
        version,
      };
      const announcement = { stream, subject: stream, data };
      under.push(
        app.db
          .inTx(ctx, async (tx) => void append(tx, agentChanged, announcement))
          .catch(() => {
            refused += 1;
          }),
      );
    }
    await delay(1);
  }
  await Promise.all(under);
  return { committed: total - refused, refused };
}

process.on('message', (writing: Writing) => void write(writing).then((done) => process.send?.(done)));
process.once('SIGTERM', () => void app.stop(5_000).then(() => process.exit(0)));
process.send?.({ ports: app.http.ports });
