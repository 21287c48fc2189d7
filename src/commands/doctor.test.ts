import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import { noRedis, ownRedis } from '../../test/support/redis.ts';
import type { Config } from '../platform/config/config.ts';
import { loadConfig } from '../platform/config/load.ts';
import { takeOwnership } from '../platform/db/owner.ts';
import { checkDatabase } from './doctor/database.ts';
import { checkDisk, checkNode, checkPorts } from './doctor/machine.ts';
import { checkModels } from './doctor/models.ts';
import { checkRedis } from './doctor/redis.ts';
import type { Finding } from './doctor/report.ts';

let database: TestDatabase;
let empty: TestDatabase;
let folder: string;
before(async () => {
  [database, empty] = await Promise.all([testDatabase(), testDatabase({ migrated: false })]);
  folder = await mkdtemp(join(tmpdir(), 'parley-doctor-'));
});
after(() => Promise.all([database.close(), empty.close(), rm(folder, { recursive: true })]));

const configOf = (env: Record<string, string>): Config =>
  loadConfig(folder, '0.1.0', { env: { DATA_DIR: join(folder, 'data'), ...env }, faults: [] }).config;
const told = (findings: readonly Finding[]) => findings.map(({ level, sentence }) => `${level} ${sentence}`).join('\n');

test('a Node that is too old is in the way', () => {
  assert.match(told([checkNode('22.1.0')]), /^fail Node 22\.1\.0 is too old: 24 or newer/);
  assert.match(told([checkNode('26.10.0')]), /^ok /);
});

test('a Redis is not needed; one that is set must answer', { skip: noRedis }, async () => {
  assert.match(told(await checkRedis(configOf({}))), /^ok No Redis is set/);
  assert.match(told(await checkRedis(configOf({ REDIS_URL: 'redis://127.0.0.1:1' }))), /^fail The Redis of REDIS_URL/);
  const redis = await ownRedis();
  const shared = { REDIS_URL: redis.url, DATABASE_URL: database.url };
  assert.match(told(await checkRedis(configOf(shared))), /^ok Redis \d+\.\d+\.\d+ answers\.$/);
  assert.match(
    told(await checkRedis(configOf({ REDIS_URL: redis.url }))),
    /warn REDIS_URL is set and DATABASE_URL is not/,
  );
  await redis.close();
});

test('room is looked for where the folder will be', async () => {
  assert.match(told([await checkDisk(join(folder, 'not', 'there', 'yet'))]), /^(ok|warn) .*MB are free/);
  assert.match(told([await checkDisk('/proc/nowhere')]), /^fail /);
});

test('a port that is taken is worth knowing, an address of another machine is in the way', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  try {
    const findings = await checkPorts(configOf({ PORT: String(port), API_PORT: '0', METRICS_PORT: '0' }));
    assert.deepEqual(
      findings.map(({ level }) => level),
      ['warn', 'ok', 'ok'],
    );
    assert.match(told(findings), new RegExp(`warn PORT ${port} is taken`));
    assert.match(
      told(await checkPorts(configOf({ HOST: '192.0.2.1' }))),
      /^fail PORT 8080 cannot be opened on 192\.0\.2\.1/,
    );
  } finally {
    taken.close();
  }
});

test('a server of one’s own: its version, its schema, and who serves it', async () => {
  const config = configOf({ DATABASE_URL: database.url });
  const findings = await checkDatabase(config);
  assert.match(told(findings), /^ok PostgreSQL \d+ answers\.\nok Its schema is of this release\.$/);
  const owner = await takeOwnership(database.url);
  try {
    assert.match(told(await checkDatabase(config)), new RegExp(`ok It is being served by process ${process.pid} on`));
  } finally {
    await owner.end();
  }
});

test('a schema that is missing is in the way in production only', async () => {
  assert.match(
    told(await checkDatabase(configOf({ DATABASE_URL: empty.url }))),
    /ok The database lacks \d+ .*by itself here/,
  );
  const production = {
    ...{ DATABASE_URL: empty.url, REDIS_URL: 'redis://localhost' },
    ...{ PARLEY_PROFILE: 'production', MASTER_KEY: 'ab'.repeat(32) },
  };
  assert.match(told(await checkDatabase(configOf(production))), /fail The database lacks \d+ migration/);
});

test('the packaged server is looked for, and not started', async () => {
  const findings = await checkDatabase(configOf({}));
  assert.match(
    told(findings),
    /ok PostgreSQL 18 comes packaged for .*\n(warn .*\n)?ok The packaged database is not running/,
  );
});

test('providers are named without their keys', async () => {
  const findings = await checkModels(configOf({ OPENAI_API_KEY: 'sk-geheim' }));
  assert.match(told(findings), /ok Models of openai are set/);
  assert.doesNotMatch(told(findings), /geheim/);
});
