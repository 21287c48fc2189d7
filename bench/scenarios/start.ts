import { setTimeout as delay } from 'node:timers/promises';
import { median } from '../support/load.ts';
import { family, pssMiB } from '../support/process.ts';
import { dataDir, removeDir, startServer } from '../support/server.ts';
import { atMost } from '../support/targets.ts';

/** Seconds that the product is left alone before its memory at rest is read. */
const REST_SECONDS = 10;

/** Cold start (no database yet), warm starts, and memory at rest, the database's processes included. */
export async function run(): Promise<Record<string, unknown>> {
  const dir = dataDir();
  try {
    const cold = await startServer(dir);
    await delay(REST_SECONDS * 1000);
    const coldPss = pssMiB(family(cold.pid));
    await cold.stop();
    const warm: number[] = [];
    const rest: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const server = await startServer(dir);
      warm.push(Math.round(server.readyMs));
      if (round === 4) await delay(REST_SECONDS * 1000);
      rest.push(pssMiB(family(server.pid)));
      await server.stop();
    }
    return {
      cold_ready_ms: Math.round(cold.readyMs),
      warm_ready_ms_median: median(warm),
      warm_ready_ms: warm,
      pss_at_rest_mib_after_cold_start: coldPss,
      pss_at_rest_mib_after_warm_start: rest.at(-1),
      targets: [
        atMost('the first start, to ready', Math.round(cold.readyMs), 5_000, 'ms'),
        atMost('a start, to ready', median(warm), 2_000, 'ms'),
        atMost('memory at rest, with the database', coldPss, 250, 'MiB'),
      ],
    };
  } finally {
    removeDir(dir);
  }
}
