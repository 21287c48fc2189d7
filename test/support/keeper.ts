import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '../../src/platform/db/connection.ts';
import { DatabaseHeld } from '../../src/platform/db/owner.ts';
import { testServer } from './server.ts';

/** Keeps the shared test server up while it is used, then removes it. Started by `adminUrl`. */
const CHECK_MS = 20_000;
const IDLE_CHECKS = 15;

const dataDir = process.argv[2];
if (dataDir === undefined) throw new Error('keeper.ts DATA_DIR');
const server = testServer(dataDir, () => process.exit(1));
try {
  await server.start();
} catch (error) {
  if (error instanceof DatabaseHeld) process.exit(0);
  throw error;
}

async function others(): Promise<number> {
  const client = await connect(server.url, { applicationName: 'parley keeper' });
  try {
    const { rows } = await client.query<{ n: number }>(
      "select count(*) as n from pg_stat_activity where backend_type = 'client backend' and application_name not like 'parley owner%' and pid <> pg_backend_pid()",
    );
    return rows[0]?.n ?? 0;
  } finally {
    await client.end();
  }
}

let idle = 0;
const stop = async () => {
  await server.stop(5000);
  await rm(dataDir, { recursive: true, force: true });
  process.exit(0);
};
process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());
while (idle < IDLE_CHECKS) {
  await delay(CHECK_MS);
  idle = (await others()) === 0 ? idle + 1 : 0;
}
await stop();
