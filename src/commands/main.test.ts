import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Program, program } from '../../test/support/program.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-commands-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const run = (args: string[], env: Record<string, string> = {}): Program =>
  program(args, {
    folder,
    env: { DATA_DIR: join(folder, 'data'), PORT: '0', API_PORT: '0', METRICS_PORT: '0', ...env },
  });

test('it tells its commands and its version', async () => {
  const help = await run(['--help']).ended;
  assert.equal(help.code, 0);
  for (const name of ['serve', 'migrate', 'seed', 'register', 'doctor', 'openapi'])
    assert.match(help.out, new RegExp(`parley ${name} `));
  assert.deepEqual(await run([]).ended, help);
  assert.match((await run(['--version']).ended).out, /^\d+\.\d+\.\d+\n$/);
});

const REFUSED: [string, string[], Record<string, string>, number, RegExp][] = [
  ['a command that does not exist', ['swerve'], {}, 64, /There is no command "swerve"/],
  ['a name of every object', ['constructor'], {}, 64, /There is no command "constructor"/],
  ['a role that does not exist', ['serve', '--role', 'boss'], {}, 64, /There is no role "boss"/],
  ['an option that does not exist', ['serve', '--fast'], {}, 64, /--fast/],
  [
    'a part of the roles',
    ['serve', '--role', 'api'],
    {},
    78,
    /Roles in separate processes need DATABASE_URL and REDIS_URL/,
  ],
  ['a migration that is no number', ['migrate', 'up', 'x'], {}, 64, /parley migrate \[up/],
  ['down without a number', ['migrate', 'down'], {}, 64, /parley migrate \[up/],
  [
    'three faults at once',
    ['serve'],
    { PORT: 'x', DEBUG: 'y', SIGNUP: 'z' },
    78,
    /(?=[\s\S]*PORT must)(?=[\s\S]*DEBUG must)(?=[\s\S]*SIGNUP must)/,
  ],
  ['a database that is not there', ['serve'], { DATABASE_URL: 'postgresql://127.0.0.1:1/x' }, 78, /cannot be reached/],
  [
    'a demo tenant in production',
    ['seed'],
    {
      PARLEY_PROFILE: 'production',
      MASTER_KEY: 'a'.repeat(64),
      DATABASE_URL: 'postgresql://localhost/y',
      REDIS_URL: 'redis://localhost',
    },
    78,
    /no demo tenant in production/,
  ],
];
for (const [name, args, env, code, message] of REFUSED)
  test(`refused with ${code}: ${name}`, async () => {
    const ended = await run(args, env).ended;
    assert.equal(ended.code, code, ended.said);
    assert.match(ended.said, message);
    assert.doesNotMatch(ended.said, /\n\s+at /, 'no stack');
  });

describe('one folder', () => {
  test('doctor looks before the first start, and makes no database', async () => {
    const { code, out } = await run(['doctor']).ended;
    assert.equal(code, 0, out);
    assert.match(out, /ok {3}The packaged database is not running/);
    assert.match(out, /ok {3}Node \d+/);
  });

  test('migrate goes up, tells, and goes down', async () => {
    assert.match((await run(['migrate']).ended).out, /^applied 0001_platform\n/);
    assert.match((await run(['migrate', 'up']).ended).out, /nothing to apply/);
    assert.match((await run(['migrate', 'down', '0']).ended).out, /took back 0001_platform\n$/);
    const status = await run(['migrate', 'status']).ended;
    assert.equal(status.code, 1);
    assert.match(status.out, /^0001_platform pending\n/);
  });

  test('register makes a tenant where nobody may sign up', async () => {
    const { code, out, said } = await run(['register', 'ann@example.com', 'Ann & Co'], { SIGNUP: 'closed' }).ended;
    assert.equal(code, 0, said);
    const made = JSON.parse(out) as { tenant_id: string; email: string; password: string };
    assert.equal(made.email, 'ann@example.com');
    assert.match(made.password, /^[\w-]{16}$/);
    const bare = await run(['register', 'ann@example.com']).ended;
    assert.equal(bare.code, 64);
    assert.match(bare.said, /EMAIL TENANT_NAME/);
  });

  test('seed makes a demo tenant, and prints what it also writes', async () => {
    const { code, out, said } = await run(['seed']).ended;
    assert.equal(code, 0, said);
    assert.deepEqual(JSON.parse(out), JSON.parse(readFileSync(join(folder, 'data', 'demo.json'), 'utf8')));
  });
});
