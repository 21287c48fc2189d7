import { randomBytes } from 'node:crypto';
import { systemClock } from '../../../src/lib/clock.ts';
import { createModels, INSTANT } from '../../../src/modules/models/index.ts';
import { createTraces } from '../../../src/modules/traces/index.ts';
import type { Config } from '../../../src/platform/config/config.ts';
import { createSecrets } from '../../../src/platform/config/secrets.ts';
import { createAnnouncements } from '../../../src/platform/events/announcements.ts';
import type { PendingEvent } from '../../../src/platform/events/define.ts';
import { createCursors } from '../../../src/platform/http/paging.ts';
import { createOutbound } from '../../../src/platform/net/outbound.ts';
import { silentLog } from '../../../src/platform/telemetry/log.ts';
import { createMetrics, type Metrics } from '../../../src/platform/telemetry/metrics.ts';
import { createTracer } from '../../../src/platform/telemetry/trace.ts';
import { testDatabase } from '../database.ts';

type Options = Partial<Pick<Parameters<typeof createModels>[0], 'timeouts' | 'pace' | 'localPorts' | 'clock'>> & {
  readonly providers?: Config['providers'];
  readonly allow?: readonly string[];
};

/** The models module and what it stands on, over a database of its own. */
export async function modelsWorld() {
  const announcements = createAnnouncements();
  const database = await testDatabase({ writeOutbox: announcements.writeOutbox });
  const events: PendingEvent[] = [];
  announcements.listen((announced) => events.push(...announced));
  const { db } = database;
  const masterKey = randomBytes(32);
  const cursors = createCursors(masterKey);
  const secrets = createSecrets({ db, masterKey });
  const traces = createTraces({ db, cursors });
  const opened: { close(): Promise<void> }[] = [];
  const metrics: Metrics[] = [];
  return {
    ...database,
    traces,
    secrets,
    cursors,
    /** Everything that was announced. */
    events,
    /** Of the models modules, in the order in which they were made. */
    metrics,
    /** A models module with these settings. */
    models({ providers = {}, allow = [], ...rest }: Options = {}) {
      const outbound = createOutbound({ allow });
      opened.push(outbound);
      const measured = createMetrics();
      metrics.push(measured);
      const config = { profile: 'testing' as const, providers, port: 0, apiPort: 0, metricsPort: 0 };
      return createModels({
        ...{
          db,
          clock: systemClock,
          secrets,
          outbound,
          log: silentLog,
          metrics: measured,
          tracer: createTracer(),
          traces,
          config,
        },
        pace: INSTANT,
        ...rest,
      });
    },
    close: async () => {
      for (const outbound of opened) await outbound.close();
      for (const measured of metrics) measured.close();
      await database.close();
    },
  };
}
export type ModelsWorld = Awaited<ReturnType<typeof modelsWorld>>;
