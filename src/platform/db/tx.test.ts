import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { type TestDatabase, testDatabase } from '../../../test/support/database.ts';
import { uuidv7 } from '../../lib/ids.ts';
import type { PendingEvent } from '../events/define.ts';
import { AppError } from '../http/errors.ts';
import type { Queries } from './queries.ts';
import { onBehalfOf, RolledBack } from './tx.ts';

let database: TestDatabase;
let mine: string;
let theirs: string;
const written: PendingEvent[][] = [];
let outboxFails = false;

before(async () => {
  database = await testDatabase({
    to: 1,
    writeOutbox: async (tx) => {
      if (outboxFails) await tx.run(sql`select 1 / 0`);
      written.push([...tx.pendingEvents]);
    },
  });
  mine = await database.makeTenant('mine');
  theirs = await database.makeTenant('theirs');
});
after(() => database.close());

const rename = (db: Queries, id: string, name: string) =>
  db.run(sql`update tenants set name = ${name} where id = ${id}`);
const nameOf = async (id: string) =>
  (await database.db.system.first(sql<{ name: string }>`select name from tenants where id = ${id}`))?.name;
const event = (): PendingEvent => ({
  ...{ id: uuidv7(), tenantId: mine, type: 'noted', version: 1, topic: 'identity', stream: 's/1', subject: '1' },
  ...{ data: {}, time: new Date(), traceparent: undefined },
});
const raise = (db: Queries, code: string) =>
  db.run(sql.raw(`do $$ begin raise exception 'raised' using errcode = '${code}'; end $$`));

test('what it did is there after it, and its value comes back', async () => {
  const value = await database.db.inTx(database.ctx(mine), async (tx) => {
    assert.equal(await rename(tx, mine, 'changed'), 1);
    return 42;
  });
  assert.equal(value, 42);
  assert.equal(await nameOf(mine), 'changed');
});

test('a throw takes everything back', async () => {
  const before = await nameOf(mine);
  await assert.rejects(
    database.db.inTx(database.ctx(mine), async (tx) => {
      await rename(tx, mine, 'never');
      throw new Error('no');
    }),
    /^Error: no$/,
  );
  assert.equal(await nameOf(mine), before);
});

test('another tenant’s rows can be neither seen nor changed nor made', async () => {
  await database.db.inTx(database.ctx(mine), async (tx) => {
    assert.equal(await rename(tx, theirs, 'mine now'), 0);
    assert.deepEqual(await tx.all(sql`select id from tenants where id = ${theirs}`), []);
  });
  await assert.rejects(
    database.db.inTx(database.ctx(mine), (tx) => tx.run(sql`update tenants set id = ${theirs} where id = ${mine}`)),
    /violates row-level security policy/,
  );
  assert.equal(await nameOf(theirs), 'theirs');
});

test('a swallowed error of a statement is no commit', async () => {
  const hooks: string[] = [];
  const swallowing = database.db.inTx(database.ctx(mine), async (tx) => {
    tx.afterCommit(() => hooks.push('ran'));
    await tx.run(sql`select 1 / 0`).catch(() => {});
  });
  await assert.rejects(swallowing, (error) => error instanceof RolledBack && /zero/.test(String(error.cause)));
  assert.deepEqual(hooks, []);
});

test('what is sent with the commit is there after it, and where it fails nothing is, and its own error is told', async () => {
  await database.db.inTx(database.ctx(mine), async (tx) =>
    tx.send(sql`update tenants set name = 'sent' where id = ${mine}`),
  );
  assert.equal(await nameOf(mine), 'sent');
  const failing = database.db.inTx(database.ctx(mine), async (tx) => {
    tx.send(sql`update tenants set name = 'never' where id = ${mine}`);
    tx.send(sql`select 1 / 0`);
    tx.send(sql`update tenants set name = 'later' where id = ${mine}`);
    tx.pendingEvents.push(event());
  });
  await assert.rejects(failing, /^error: division by zero$/);
  assert.equal(await nameOf(mine), 'sent');
  let attempts = 0;
  await database.db.inTx(database.ctx(mine), async (tx) => {
    attempts += 1;
    if (attempts < 3) tx.send(sql.raw("do $$ begin raise exception 'raised' using errcode = '40001'; end $$"));
  });
  assert.equal(attempts, 3, 'a failure that may pass is retried');
});

test('what acts for another request of the tenant is in the same transaction; another tenant’s is refused', async () => {
  const [one, other] = [database.ctx(mine), database.ctx(mine)];
  await database.db.inTx(one, async (tx) => {
    const theirTx = onBehalfOf(tx, other);
    await rename(theirTx, mine, 'on behalf');
    assert.equal(theirTx.ctx.requestId, other.requestId);
    assert.deepEqual(await tx.first(sql`select name from tenants where id = ${mine}`), { name: 'on behalf' });
    theirTx.pendingEvents.push(event());
    assert.equal(tx.pendingEvents.length, 1);
    assert.throws(() => onBehalfOf(tx, database.ctx(theirs)), /one tenant/);
  });
});

test('hooks run after the commit, in order, and not when it was rolled back', async () => {
  const hooks: string[] = [];
  await database.db.inTx(database.ctx(mine), async (tx) => {
    tx.afterCommit(() => hooks.push('one'));
    tx.afterCommit(() => hooks.push('two'));
    await tx.run(sql`select 1`);
    assert.deepEqual(hooks, []);
  });
  assert.deepEqual(hooks, ['one', 'two']);
  const thrown = database.db.inTx(database.ctx(mine), async (tx) => {
    tx.afterCommit(() => hooks.push('three'));
    throw new Error('no');
  });
  await assert.rejects(thrown);
  assert.deepEqual(hooks, ['one', 'two']);
});

test('events are handed to the outbox inside the transaction; without events nothing is', async () => {
  written.length = 0;
  await database.db.inTx(database.ctx(mine), async (tx) => void (await tx.run(sql`select 1`)));
  assert.equal(written.length, 0);
  await database.db.inTx(database.ctx(mine), async (tx) => void tx.pendingEvents.push(event(), event()));
  assert.equal(written[0]?.length, 2);
});

test('an outbox that cannot be written takes the change with it', async () => {
  outboxFails = true;
  const before = await nameOf(mine);
  const failing = database.db.inTx(database.ctx(mine), async (tx) => {
    await rename(tx, mine, 'unannounced');
    tx.pendingEvents.push(event());
  });
  await assert.rejects(failing, /division by zero/);
  outboxFails = false;
  assert.equal(await nameOf(mine), before);
});

test('a serialisation failure is retried three times, with what was buffered forgotten', async () => {
  for (const code of ['40001', '40P01']) {
    let attempts = 0;
    const failing = database.db.inTx(database.ctx(mine), async (tx) => {
      attempts++;
      assert.equal(tx.pendingEvents.length, 0);
      tx.pendingEvents.push(event());
      await raise(tx, code);
    });
    await assert.rejects(failing, { code });
    assert.equal(attempts, 4);
  }
});

test('two transactions that deadlock both succeed in the end', async () => {
  const [a, b] = [await database.makeTenant(), await database.makeTenant()];
  const both = Promise.withResolvers<void>();
  let holding = 0;
  const cross = (first: string, second: string) =>
    database.db.inSystemTx(async (tx) => {
      await rename(tx, first, 'crossed');
      if (++holding === 2) both.resolve();
      await both.promise;
      await rename(tx, second, 'crossed');
    });
  await Promise.all([cross(a, b), cross(b, a)]);
  assert.ok(holding >= 3, 'one of them was run again');
});

test('another error is not retried', async () => {
  let attempts = 0;
  const failing = database.db.inTx(database.ctx(mine), async (tx) => {
    attempts++;
    await raise(tx, '23505');
  });
  await assert.rejects(failing);
  assert.equal(attempts, 1);
});

test('an abort before the commit leaves nothing', async () => {
  const abort = new AbortController();
  const before = await nameOf(mine);
  const aborted = database.db.inTx(database.ctx(mine, { signal: abort.signal }), async (tx) => {
    await rename(tx, mine, 'aborted');
    abort.abort(new Error('gone'));
  });
  await assert.rejects(aborted, /gone/);
  assert.equal(await nameOf(mine), before);
  let ran = false;
  await assert.rejects(
    database.db.inTx(database.ctx(mine, { signal: abort.signal }), async () => {
      ran = true;
    }),
    /gone/,
  );
  assert.equal(ran, false);
});

test('a transaction that is over refuses further statements', async () => {
  let kept: Queries | undefined;
  await database.db.inTx(database.ctx(mine), async (tx) => {
    kept = tx;
  });
  await assert.rejects(kept?.all(sql`select 1`) ?? Promise.resolve(), /over/);
});

test('a connection that breaks is `unavailable`, and the next transaction has a new one', async () => {
  const broken = database.db.inTx(database.ctx(mine), async (tx) => {
    const row = await tx.first(sql<{ pid: number }>`select pg_backend_pid() as pid`);
    const { connect } = await import('./connection.ts');
    const client = await connect(database.url, { applicationName: 'test' });
    await client.query('select pg_terminate_backend($1)', [row?.pid]);
    await client.end();
    await tx.run(sql`select 1`);
  });
  await assert.rejects(broken, (error) => error instanceof AppError && error.code === 'unavailable');
  assert.equal(await database.db.inTx(database.ctx(mine), async () => 'fine'), 'fine');
});

test('a system transaction sees every tenant, and its reader too', async () => {
  const count = sql<{ n: number }>`select count(*) as n from tenants where id in (${mine}, ${theirs})`;
  assert.equal((await database.db.system.first(count))?.n, 2);
  assert.equal((await database.db.inSystemTx((tx) => tx.first(count)))?.n, 2);
});
