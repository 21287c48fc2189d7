import { join } from 'node:path';
import { createEmbedded } from '../../src/platform/db/embedded.ts';

/** One PostgreSQL for both sides of a comparison: the packaged one, owned by the benchmark and given by `DATABASE_URL`. */
export async function startPostgres(dir: string): Promise<{ url: string; stop(): Promise<void> }> {
  const server = createEmbedded({ dataDir: join(dir, 'shared-postgres') });
  await server.start();
  return { url: server.url, stop: () => server.stop(10_000) };
}
