import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { node, run } from '../../scripts/lib/run.ts';
import { type Installation, startInstallation } from '../../scripts/testing/installation.ts';
import { locateNginx } from '../../scripts/testing/nginx.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { noRedis, type OwnRedis, ownRedis } from '../support/redis.ts';

const nginx = locateNginx();
const skip = noRedis || (nginx ? false : 'there is no nginx on this machine');
const ORDERS = 40;
/** Often enough that every order meets some; a person would not be as mean. */
const FLUSH_MS = 200;

let database: TestDatabase;
let redis: OwnRedis;
let installation: Installation;
let folder: string;
before(async () => {
  if (skip || !nginx) return;
  [database, redis] = [await testDatabase(), await ownRedis()];
  folder = await mkdtemp(join(tmpdir(), 'parley-flush-'));
  installation = await startInstallation({
    nginx,
    env: {
      ...{ PARLEY_PROFILE: 'testing', DATABASE_URL: database.url, REDIS_URL: redis.url, DATA_DIR: folder },
      MASTER_KEY: randomBytes(32).toString('hex'),
    },
  });
});
after(async () => {
  await installation?.stop();
  await Promise.all([database?.close(), redis?.close()]);
  if (folder) await rm(folder, { recursive: true, force: true });
});

test('the orders example comes out as promised over four processes while Redis is emptied again and again', {
  skip,
}, async (t) => {
  const list = join(folder, 'processes.json');
  await writeFile(list, JSON.stringify(installation.processes()));
  const { commands } = await redis.open();
  let flushes = 0;
  const timer = setInterval(() => void commands.flushall().then(() => flushes++), FLUSH_MS);
  const env = { PARLEY_CLUSTER_URL: installation.url, PARLEY_CLUSTER_PROCESSES: list };
  const { code, output } = await run(node('examples/orders/main.ts', String(ORDERS)), { env }).finally(() =>
    clearInterval(timer),
  );
  assert.equal(code, 0, output);
  // Every step of every order was followed live; one that is missing, or comes twice, fails the example.
  assert.match(output, new RegExp(`${ORDERS} of ${ORDERS} have come through`));
  t.diagnostic(`Redis was emptied ${flushes} times`);
  assert.ok(flushes > 3, `${flushes} times`);
  const { system } = database.db;
  const fulfilled = await system.first(sql`select count(*)::int as count from orders where status = 'fulfilled'`);
  assert.deepEqual(fulfilled, { count: ORDERS + 1 });
  const twice = sql`select stream, type from events where stream like 'orders/%' group by 1, 2 having count(*) > 1`;
  assert.deepEqual(await system.all(twice), [], 'no step of an order happened twice');
});
