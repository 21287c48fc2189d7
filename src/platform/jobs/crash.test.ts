import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { note, type TestLog, testLog } from '../../../test/support/log.ts';
import { createDeadLetters } from '../dead-letters/dead-letters.ts';
import { createQueue } from './queue.ts';

const PROGRAM = fileURLToPath(new URL('../../../test/support/poisoned.ts', import.meta.url));

let log: TestLog;
let tenantId: string;
before(async () => {
  log = await testLog();
  tenantId = await log.makeTenant();
  await log.asOwner('create table effects (name text primary key); grant all on effects to parley_app, parley_system');
});
after(() => log.close());

/** Starts processes, one after the other, until one ends by itself; answers how many were killed. */
async function workUntilDone(face: 'jobs' | 'events'): Promise<number> {
  for (let killed = 0; killed < 10; killed++) {
    const child = spawn(process.execPath, [PROGRAM, log.url, face], { stdio: ['ignore', 'ignore', 'inherit'] });
    const [code, signal] = await once(child, 'exit');
    if (signal === null) {
      assert.equal(code, 0);
      return killed;
    }
    assert.equal(signal, 'SIGKILL');
  }
  throw new Error('Every process died');
}

const effects = async () =>
  (await log.db.system.all<{ name: string }>(sql`select name from effects order by name`)).map(({ name }) => name);
type Letter = { source: string; stream: string; error_code: string; attempts: number; crashes: number };
const letters = (source: string) =>
  log.db.system.all<Letter>(sql`
    select source, stream, error_code, attempts, crashes from dead_letters where source = ${source} order by position`);

test('a job that kills its process three times ends in the dead letters, and only that one', async () => {
  const queue = createQueue();
  await log.db.inTx(log.ctx(tenantId), async (tx) => {
    for (const key of ['before', 'poison', 'behind']) await queue.enqueue(tx, { kind: 'fragile', key, payload: {} });
  });
  assert.equal(await workUntilDone('jobs'), 3);
  assert.deepEqual(await effects(), ['before', 'behind']);
  const [letter, ...more] = await letters('job');
  // Crashes are counted apart: the job has not failed once.
  assert.deepEqual(letter, { source: 'job', stream: 'poison', error_code: 'crashes', attempts: 0, crashes: 3 });
  assert.deepEqual(more, []);
  assert.deepEqual(await log.db.system.all(sql`select key from jobs`), []);
});

test('an event that kills its process three times ends in the dead letters, and parks only its stream', async () => {
  const streams = ['discussions/a', 'discussions/poison', 'discussions/b', 'discussions/poison'];
  await log.db.inTx(log.ctx(tenantId), async (tx) => {
    for (const [n, stream] of streams.entries()) note(tx, stream, n);
  });
  assert.equal(await workUntilDone('events'), 3);
  assert.deepEqual(
    (await letters('event')).map(({ source: _, ...letter }) => letter),
    [
      { stream: 'discussions/poison', error_code: 'crashes', attempts: 0, crashes: 3 },
      { stream: 'discussions/poison', error_code: null, attempts: 0, crashes: 0 },
    ],
  );
  const done = await effects();
  assert.ok(done.includes('discussions/a') && done.includes('discussions/b'));

  // Requeued, it kills again: each time it is tried again until the third, and then it stays, and says why.
  const deadLetters = createDeadLetters({ queue: createQueue() });
  await log.db.inTx(log.ctx(tenantId), (tx) => deadLetters.requeue(tx, { source: 'event' }));
  assert.equal(await workUntilDone('events'), 3);
  assert.deepEqual(
    (await letters('event')).map(({ error_code, crashes }) => ({ error_code, crashes })),
    [
      { error_code: 'crashes', crashes: 3 },
      { error_code: null, crashes: 0 },
    ],
  );
});
