import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { createClient } from '../../test/support/client.ts';
import { testDatabase } from '../../test/support/database.ts';
import { until } from '../../test/support/log.ts';
import { type Program, program } from '../../test/support/program.ts';
import type { Demo } from './seed.ts';

let folder: string;
const running: Program[] = [];
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-serve-'));
});
afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill('SIGTERM');
    await ended;
  }
});
after(() => rm(folder, { recursive: true, force: true }));

const PORTS = { PORT: '0', API_PORT: '0', METRICS_PORT: '0' };
function serve(env: Record<string, string> = {}): Program {
  const started = program(['serve'], { folder, env: { ...PORTS, ...env } });
  running.push(started);
  return started;
}
const demoFile = () => join(folder, '.parley', 'demo.json');
const demo = () => JSON.parse(readFileSync(demoFile(), 'utf8')) as Demo;
const client = ({ url }: Demo, token?: string) => createClient(() => ({ url, prefix: '/api/v1' }), token);
const UP = /Ctrl-C stops it/;

test('development starts with nothing, and says with whom to sign in', async () => {
  const server = serve();
  const said = await server.until(UP);
  const account = demo();
  assert.deepEqual(Object.keys(account), ['url', 'api_url', 'email', 'password', 'api_key']);
  assert.equal(statSync(demoFile()).mode & 0o777, 0o600);
  assert.ok(said.includes(account.url) && said.includes(account.email) && said.includes(account.password));
  assert.ok(!said.includes(account.api_key), 'the key is in the file only');
  const signedIn = await client(account).post('/auth/token', {
    ...{ grant_type: 'password', username: account.email, password: account.password },
  });
  assert.equal(signedIn.status, 200);
  const agents = await client(account, account.api_key).get('/agents');
  assert.equal(agents.body.total, 3);
  assert.equal((await client(account, account.api_key).get('/documents')).body.total, 1);
  assert.equal((await client({ ...account, url: account.api_url }).get('/health')).status, 200);
});

test('a second one in the folder is told who holds it, and SIGTERM drains the first', async () => {
  const first = serve();
  await first.until(UP);
  const second = await serve().ended;
  assert.equal(second.code, 78);
  assert.match(second.said, new RegExp(`process ${first.child.pid} on .+ holds it since 20`));
  first.child.kill('SIGTERM');
  const { code, out } = await first.ended;
  assert.equal(code, 0);
  assert.match(out, /"message":"stopped"/);
});

test('after a kill -9 the next start has everything, and the same password still opens', async () => {
  const first = serve();
  await first.until(UP);
  const before = demo();
  const made = await client(before, before.api_key).post('/agents', { name: `kept-${process.pid}` });
  assert.equal(made.status, 201);
  first.child.kill('SIGKILL');
  await first.ended;
  const second = serve();
  await second.until(UP);
  await second.until(/took over a database server whose owner had died/);
  const now = demo();
  assert.deepEqual([now.email, now.password, now.api_key], [before.email, before.password, before.api_key]);
  assert.equal((await client(now, now.api_key).get(`/agents/${made.body.id}`)).status, 200);
});

test('with a database and a key of its own it makes the folder in which it says how to sign in', async () => {
  const database = await testDatabase();
  const dataDir = join(folder, 'not', 'there', 'yet');
  const server = serve({
    ...{ DATABASE_URL: database.url, MASTER_KEY: 'ab'.repeat(32), DATA_DIR: dataDir },
  });
  await server.until(UP);
  assert.equal(statSync(dataDir).mode & 0o777, 0o700);
  assert.match(readFileSync(join(dataDir, 'demo.json'), 'utf8'), /"email": "demo@parley.example"/);
  server.child.kill('SIGTERM');
  assert.equal((await server.ended).code, 0);
  await database.close();
});

test('a port that is taken is a sentence', async () => {
  const first = serve();
  await first.until(UP);
  const { port } = new URL(demo().url);
  const other = await mkdtemp(join(tmpdir(), 'parley-serve-'));
  const second = program(['serve'], { folder: other, env: { ...PORTS, PORT: port } });
  const { code, said } = await second.ended;
  await rm(other, { recursive: true });
  assert.equal(code, 78);
  assert.match(said, new RegExp(`Port ${port} is taken, by a Parley that runs already or by another program`));
});

test('a signal during the start stops it, with nothing left behind', async () => {
  const lock = join(folder, '.parley', 'postgres', 'postmaster.pid');
  const server = serve();
  await until(() => existsSync(lock));
  server.child.kill('SIGINT');
  const { code, said } = await server.ended;
  assert.equal(code, 0, said);
  assert.equal(existsSync(lock), false);
});
