import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chooseRunner, EmbeddedError, findBinaries, type Runner } from './binaries.ts';
import { connect } from './connection.ts';
import { createEmbedded, type Embedded } from './embedded.ts';
import { isConnectionError } from './errors.ts';
import { DatabaseHeld } from './owner.ts';

const OWNER = fileURLToPath(new URL('../../../test/support/own-database.ts', import.meta.url));
const isRoot = process.getuid?.() === 0;

async function ask<T>(url: string, text: string): Promise<T[]> {
  const client = await connect(url, { applicationName: 'test' });
  try {
    return (await client.query(text)).rows as T[];
  } finally {
    await client.end();
  }
}

/** Asks until the server is back: what the supervisor brings up by itself. */
async function askAgain<T>(url: string, text: string): Promise<T[]> {
  for (const deadline = Date.now() + 60_000; ; await delay(20)) {
    try {
      return await ask<T>(url, text);
    } catch (error) {
      if (!isConnectionError(error) || Date.now() > deadline) throw error;
    }
  }
}

const postmaster = (dataDir: string) =>
  Number.parseInt(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8'), 10);

/** Another process that owns the database, or says why not. */
async function ownElsewhere(dataDir: string): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, [OWNER, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return { child, said: said.toString().trim() };
}

/** Each story has a folder of its own, and whatever runs in it afterwards is ended. */
async function inFolder(story: (dataDir: string, started: Embedded[]) => Promise<void>): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-embedded-'));
  const started: Embedded[] = [];
  try {
    await story(dataDir, started);
  } finally {
    for (const embedded of started) await embedded.stop(3000);
    await rm(dataDir, { recursive: true, force: true });
  }
}

describe('one database after another', () => {
  let dataDir: string;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'parley-embedded-'));
  });
  after(() => rm(dataDir, { recursive: true, force: true }));

  test('the first start makes it: UTF-8 by bytes, safe on disk, private', async () => {
    const embedded = createEmbedded({ dataDir });
    await embedded.start();
    try {
      assert.equal(embedded.adopted(), false);
      const settings = await ask<{ name: string; setting: string }>(
        embedded.url,
        `select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses') order by name`,
      );
      assert.deepEqual(
        settings.map(({ setting }) => setting),
        ['on', 'on', '', 'on'],
      );
      const [locale] = await ask<object>(
        embedded.url,
        `select datlocprovider as provider, datlocale as locale, pg_encoding_to_char(encoding) as encoding
         from pg_database where datname = current_database()`,
      );
      assert.deepEqual(locale, { provider: 'b', locale: 'C.UTF-8', encoding: 'UTF8' });
      const socketDir = new URL(embedded.url).searchParams.get('host') as string;
      assert.equal(statSync(socketDir).mode & 0o077, 0);
      assert.ok(Buffer.byteLength(`${socketDir}/.s.PGSQL.5432`) <= 103);
      assert.deepEqual(
        readdirSync(dataDir).filter((name) => name.endsWith('.tmp')),
        [],
        'nothing half-made is left',
      );
      await ask(embedded.url, 'create table kept as select 42 as answer');
    } finally {
      await embedded.stop(5000);
    }
    assert.equal(existsSync(join(dataDir, 'postgres', 'postmaster.pid')), false);
    assert.equal(existsSync(new URL(embedded.url).searchParams.get('host') as string), false);
  });

  test('the next start finds everything, at the same address; a stop may come twice', async () => {
    const embedded = createEmbedded({ dataDir });
    await Promise.all([embedded.start(), embedded.start()]);
    assert.deepEqual(await ask(embedded.url, 'select answer from kept'), [{ answer: 42 }]);
    await Promise.all([embedded.stop(5000), embedded.stop(5000)]);
    await embedded.stop(5000);
    await assert.rejects(ask(embedded.url, 'select 1'), isConnectionError);
  });

  test('stopped before it was started, it has started nothing', async () => {
    const embedded = createEmbedded({ dataDir });
    await embedded.stop(1000);
    assert.equal(existsSync(join(dataDir, 'postgres', 'postmaster.pid')), false);
  });

  test('a second owner is told who is the first, and leaves the server alone', async () => {
    const first = createEmbedded({ dataDir });
    await first.start();
    try {
      const second = createEmbedded({ dataDir });
      await assert.rejects(second.start(), (error) => {
        assert.ok(error instanceof DatabaseHeld);
        assert.equal(error.holder?.pid, String(process.pid));
        assert.match(error.message, /process \d+ on .+ holds it since 20\d\d-/);
        return true;
      });
      await second.stop(1000);
      assert.deepEqual(await ask(first.url, 'select answer from kept'), [{ answer: 42 }]);
    } finally {
      await first.stop(5000);
    }
  });

  test('kill -9 of the server: it is back with all its data, while others go on asking', async () => {
    const embedded = createEmbedded({ dataDir });
    await embedded.start();
    try {
      const busy = ask(embedded.url, 'select pg_sleep(30)').catch(() => {});
      const before = postmaster(dataDir);
      process.kill(before, 'SIGKILL');
      await busy;
      assert.deepEqual(await askAgain(embedded.url, 'select answer from kept'), [{ answer: 42 }]);
      assert.notEqual(postmaster(dataDir), before);
    } finally {
      await embedded.stop(5000);
    }
  });

  test('kill -9 of the owner: the next one adopts the server that still runs, and can stop it', async () => {
    const { child, said } = await ownElsewhere(dataDir);
    assert.equal(said, 'owned');
    const before = postmaster(dataDir);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const embedded = createEmbedded({ dataDir });
    await embedded.start();
    assert.equal(embedded.adopted(), true);
    assert.equal(postmaster(dataDir), before);
    assert.deepEqual(await ask(embedded.url, 'select answer from kept'), [{ answer: 42 }]);
    await embedded.stop(5000);
    assert.equal(existsSync(join(dataDir, 'postgres', 'postmaster.pid')), false);
  });

  test('a server that dies after it was adopted is started again', async () => {
    const { child } = await ownElsewhere(dataDir);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const embedded = createEmbedded({ dataDir });
    await embedded.start();
    try {
      process.kill(postmaster(dataDir), 'SIGKILL');
      assert.deepEqual(await askAgain(embedded.url, 'select answer from kept'), [{ answer: 42 }]);
    } finally {
      await embedded.stop(5000);
    }
  });

  test('a database of another major version is refused with a sentence, and not touched', async () => {
    const file = join(dataDir, 'postgres', 'PG_VERSION');
    const version = readFileSync(file, 'utf8');
    await writeFile(file, '12\n');
    const embedded = createEmbedded({ dataDir });
    await assert.rejects(embedded.start(), (error) => {
      assert.ok(error instanceof EmbeddedError);
      assert.match(error.message, /was made by PostgreSQL 12, and this release packages \d\d/);
      return true;
    });
    await writeFile(file, version);
  });
});

test('of several first starts at once one wins, and the others are told of it', () =>
  inFolder(async (dataDir) => {
    const all = await Promise.all(Array.from({ length: 3 }, () => ownElsewhere(dataDir)));
    assert.equal(all.filter(({ said }) => said === 'owned').length, 1);
    assert.equal(all.filter(({ said }) => /being served already: process \d+ on/.test(said)).length, 2);
    assert.deepEqual(
      readdirSync(dataDir).filter((name) => name.endsWith('.tmp')),
      [],
    );
    for (const { child } of all) {
      if (child.exitCode !== null) continue;
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  }));

test('a socket folder of somebody else is refused', { skip: !isRoot && 'only root can make one' }, () =>
  inFolder(async (dataDir) => {
    const embedded = createEmbedded({ dataDir, runner: { ...chooseRunner(), owner: 0 } });
    const socketDir = new URL(embedded.url).searchParams.get('host') as string;
    await mkdir(socketDir);
    await chown(socketDir, 12_345, 12_345);
    await assert.rejects(embedded.start(), /belongs to somebody else/);
    await rm(socketDir, { recursive: true });
  }),
);

test('a server that cannot start says the end of its log', () =>
  inFolder(async (dataDir, started) => {
    const first = createEmbedded({ dataDir });
    await first.start();
    await first.stop(5000);
    const broken = createEmbedded({ dataDir, settings: { shared_buffers: 'much' }, startDeadlineMs: 300 });
    started.push(broken);
    await assert.rejects(broken.start(), /did not start. The end of .*postgres\.log: .*shared_buffers/s);
  }));

test(
  'root without user namespaces runs it as nobody, and a later start with them takes it over',
  {
    skip: !isRoot && 'only root can become somebody else',
  },
  () =>
    inFolder(async (dataDir, started) => {
      await chmod(dataDir, 0o755);
      const nobody = chooseRunner(0, () => false);
      assert.equal(nobody.ids.uid, 65534);
      const embedded = createEmbedded({ dataDir, runner: nobody });
      started.push(embedded);
      await embedded.start();
      assert.equal(statSync(join(dataDir, 'postgres')).uid, 65534);
      await ask(embedded.url, 'create table kept as select 1 as answer');
      await embedded.stop(5000);
      const usual = createEmbedded({ dataDir });
      started.push(usual);
      await usual.start();
      assert.deepEqual(await ask(usual.url, 'select answer from kept'), [{ answer: 1 }]);
    }),
);

test('who is not root runs it directly; root in a user namespace of its own', () => {
  const user: Runner = chooseRunner(1000, () => assert.fail('not asked'));
  assert.deepEqual(user.command('postgres', ['-D', 'x']), { file: 'postgres', args: ['-D', 'x'] });
  assert.equal(user.owner, undefined);
  assert.deepEqual(chooseRunner(0, () => true).command('postgres', ['-D', 'x']), {
    file: 'unshare',
    args: ['-U', '--map-user=1000', '--map-group=1000', 'postgres', '-D', 'x'],
  });
});

test('a platform without a package is told to bring its own server', () => {
  assert.throws(() => findBinaries('plan9-mips'), /no packaged PostgreSQL for plan9-mips .* set DATABASE_URL/);
});
