import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { type TestDatabase, testDatabase } from '../../test/support/database.ts';
import { uuidv7 } from '../lib/ids.ts';
import { EXIT, UsageError } from './command.ts';
import { deadLetters } from './dead-letters.ts';

let database: TestDatabase;
let folder: string;
let tenants: string[];
before(async () => {
  database = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'parley-letters-'));
  tenants = [await database.makeTenant(), await database.makeTenant()];
});
after(async () => {
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

/** Calls the command as `main.ts` would, with the database of the test in the environment. */
async function call(...args: string[]) {
  const out: string[] = [];
  const said: string[] = [];
  const before = process.env.DATABASE_URL;
  process.env.DATABASE_URL = database.url;
  try {
    const io = { args, folder, version: '0.1.0', signal: new AbortController().signal };
    const code = await deadLetters({ ...io, out: (line) => void out.push(line), say: (line) => void said.push(line) });
    return { code, out, said: said.join('\n') };
  } finally {
    if (before === undefined) delete process.env.DATABASE_URL;
    else process.env.DATABASE_URL = before;
  }
}

type Left = { tenant?: number; source?: string; group: string; stream: string; position?: number; status?: string };

async function leave({ tenant = 0, source = 'event', group, stream, position = 1, status = 'failed' }: Left) {
  const id = uuidv7();
  await database.db.system.run(sql`
    insert into dead_letters (tenant_id, id, source, group_name, shard, stream, position, status, type, body,
                              error_code, error_message, attempts, traceparent)
    values (${tenants[tenant]}, ${id}, ${source}, ${group}, 0, ${stream}, ${position}, ${status}, 'noted',
            ${JSON.stringify({ n: position })}::jsonb, 'poison', 'It was hopeless', 5,
            '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')`);
  return id;
}

test('lists those of all tenants or of one, by filters, for people and for programs', async () => {
  const one = await leave({ group: 'listed', stream: 'a' });
  const other = await leave({ group: 'listed', stream: 'b', tenant: 1 });
  const all = await call('list', '--group', 'listed');
  assert.equal(all.code, EXIT.ok);
  assert.match(all.out[0] ?? '', /^id +tenant +status +group/);
  assert.ok(all.out[1]?.startsWith(other) && all.out[2]?.startsWith(one), 'the newest first');
  const { out } = await call('list', '--tenant', tenants[1] ?? '', '--group', 'listed', '--json');
  assert.deepEqual(
    out.map((line) => JSON.parse(line).id),
    [other],
  );
  assert.deepEqual((await call('list', '--group', 'nobody')).out, ['There are no dead letters.']);
});

test('shows one with its payload, its reason and its trace', async () => {
  const id = await leave({ group: 'shown', stream: 'a', position: 7 });
  const { code, out } = await call('show', id);
  const letter = JSON.parse(out.join('\n'));
  assert.equal(code, EXIT.ok);
  assert.deepEqual(
    [letter.tenant_id, letter.error_message, letter.attempts, letter.trace_id, letter.body],
    [tenants[0], 'It was hopeless', 5, '0af7651916cd43dd8448eb211c80319c', { n: 7 }],
  );
  assert.equal((await call('show', uuidv7())).code, EXIT.failed);
});

const statuses = async (group: string) =>
  (
    await database.db.system.all<{ position: number; status: string }>(sql`
      select position, status from dead_letters where group_name = ${group} order by tenant_id, position`)
  ).map(({ status }) => status);

test('requeues one with its stream, a group, or all; and says what has to stay', async () => {
  await leave({ group: 'again', stream: 'a', position: 1 });
  const behind = await leave({ group: 'again', stream: 'a', position: 2, status: 'parked' });
  await leave({ group: 'again', stream: 'b', position: 3 });
  assert.deepEqual(await call('requeue', behind), { code: EXIT.ok, out: ['requeued 2'], said: '' });
  assert.deepEqual(await statuses('again'), ['requeued', 'requeued', 'failed']);
  assert.deepEqual((await call('requeue', '--group', 'again')).out, ['requeued 1']);

  await leave({ group: 'work', stream: 'k1', source: 'job' });
  await leave({ group: 'work', stream: 'k2', source: 'job', tenant: 1 });
  await database.db.system.run(sql`
    insert into jobs (tenant_id, id, kind, key, payload, run_at)
    values (${tenants[1]}, ${uuidv7()}, 'work', 'k2', '{}'::jsonb, now())`);
  const { code, out, said } = await call('requeue', '--source', 'job', '--group', 'work');
  assert.deepEqual([code, out], [EXIT.failed, ['requeued 1']]);
  assert.match(said, /1 stay/);
  const jobs = await database.db.system.all<{ key: string; traceparent: string | null }>(sql`
    select key, traceparent from jobs where kind = 'work' order by key`);
  assert.deepEqual(
    jobs.map(({ key }) => key),
    ['k1', 'k2'],
  );
  assert.match(jobs[0]?.traceparent ?? '', /^00-0af7651916cd43dd/);
  assert.equal((await call('requeue', uuidv7())).code, EXIT.failed);
});

test('discards, and what waited behind goes on', async () => {
  const failed = await leave({ group: 'gone', stream: 'a', position: 1 });
  await leave({ group: 'gone', stream: 'a', position: 2, status: 'parked' });
  assert.deepEqual((await call('discard', failed)).out, ['discarded 1']);
  assert.deepEqual(await statuses('gone'), ['requeued']);
  assert.equal((await call('discard', failed)).code, EXIT.failed);
  await call('discard', '--all');
  assert.deepEqual(await database.db.system.all(sql`select id from dead_letters`), []);
});

test('a wrong call is refused with how to call it', async () => {
  const wrong = [
    [],
    ['burn'],
    ['requeue'],
    ['discard', '--tenant', uuidv7()],
    ['show'],
    ['list', 'x'],
    ['requeue', 'x'],
    ['requeue', '--all', uuidv7()],
    ['list', '--all'],
    ['list', '--status', 'odd'],
    ['list', '--limit', '0'],
    ['list', '--unknown'],
  ];
  for (const args of wrong) await assert.rejects(call(...args), UsageError, args.join(' '));
});
