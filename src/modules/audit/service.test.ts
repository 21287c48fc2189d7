import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import { createWorld, type Member, type World } from '../../../test/support/world.ts';
import { uuidv7 } from '../../lib/ids.ts';
import { connect } from '../../platform/db/connection.ts';
import type { LogEvent } from '../../platform/events/define.ts';
import { createBulkhead } from '../../platform/reliability/bulkhead.ts';
import { silentLog } from '../../platform/telemetry/log.ts';
import { createService } from './service.ts';

let world: World;
before(async () => {
  world = await createWorld({ app: { limits: { sign_in: { tokens: 100_000, windowSeconds: 1 } } } });
});
after(() => world.stop());

const service = () =>
  createService({
    ...{ db: world.db, clock: world.app.clock, statements: world.app.identity.statements, log: silentLog },
    reliability: { bulkhead: createBulkhead },
  });

function event(tenantId: string, n: number): LogEvent {
  return {
    ...{ specversion: '1.0', source: 'parley', datacontenttype: 'application/json', dataversion: 1 },
    ...{ id: uuidv7(), type: 'member_changed', subject: `subject ${n}`, time: new Date().toISOString() },
    ...{ tenantid: tenantId, stream: `identity/${tenantId}`, position: n, epoch: 'x' },
    data: { n, by: { kind: 'user', id: 'ada' } },
  };
}

/** A tenant whose chain has `length` records more than signing up made. */
async function recorded(length: number): Promise<Member> {
  const owner = await world.signUp();
  await world.settle();
  for (let n = 1; n <= length; n += 1)
    await world.db.inTx(owner.ctx, (tx) => service().record(tx, event(owner.tenantId, n)));
  return owner;
}

/** What only the tables' owner can do, who need not be a superuser: past the triggers and the policies. */
async function asOwner(statement: string, ...values: unknown[]): Promise<void> {
  const client = await connect(world.database.url, { applicationName: 'test' });
  const each = (change: string) =>
    client.query(`alter table audit_records ${change}; alter table audit_checkpoints ${change}`);
  try {
    await client.query('begin');
    await each('disable trigger user, no force row level security');
    await client.query(statement, values);
    await each('enable trigger user, force row level security');
    await client.query('commit');
  } finally {
    await client.end();
  }
}
const verify = async (owner: Member, checkpoint = '') =>
  (await owner.get(`/audit-log/verify${checkpoint && `?checkpoint=${checkpoint}`}`)).body;

describe('the record', () => {
  test('of what happens in identity and access is made by itself, in order', async () => {
    const owner = await world.signUp();
    const key = await owner.post('/api-keys', { name: 'x', scopes: ['agents:read'] });
    await owner.delete(`/api-keys/${key.body.id}`);
    await world.settle();
    const { status, body } = await owner.get('/audit-log');
    assert.equal(status, 200);
    assert.deepEqual(
      body.items.map((item: { seq: number; type: string }) => [item.seq, item.type]),
      [
        [5, 'api_key_revoked'],
        [4, 'api_key_created'],
        [3, 'user_signed_in'],
        [2, 'member_added'],
        [1, 'tenant_created'],
      ],
    );
    assert.deepEqual(body.items[0].actor, { kind: 'user', id: owner.userId });
    assert.equal(body.items[0].previous_hash, body.items[1].hash);
    const checked = await verify(owner);
    assert.deepEqual([checked.valid, checked.records, checked.broken_at], [true, 5, null]);
  });

  test('grows one by one, however many write at once', async () => {
    const owner = await recorded(0);
    const before = (await verify(owner)).records;
    const { tenantId, ctx } = owner;
    await Promise.all(
      Array.from({ length: 12 }, (_, n) => world.db.inTx(ctx, (tx) => service().record(tx, event(tenantId, n)))),
    );
    const checked = await verify(owner);
    assert.deepEqual([checked.valid, checked.records], [true, before + 12]);
  });

  test('holds an event once, however often it is delivered', async () => {
    const owner = await recorded(0);
    const before = (await verify(owner)).records;
    const same = event(owner.tenantId, 1);
    const record = () => world.db.inTx(owner.ctx, (tx) => service().record(tx, same));
    await Promise.all([record(), record()]);
    await record();
    assert.equal((await verify(owner)).records, before + 1);
  });

  test('cannot be changed by the roles that the server runs as', async () => {
    const owner = await recorded(1);
    for (const table of ['audit_records', 'audit_checkpoints']) {
      for (const statement of [sql`delete from ${sql.table(table)}`, sql`update ${sql.table(table)} set seq = 9`]) {
        await assert.rejects(
          world.db.inTx(owner.ctx, (tx) => tx.run(statement)),
          /permission denied/,
        );
        await assert.rejects(
          world.db.inSystemTx((tx) => tx.run(statement)),
          /permission denied/,
        );
      }
      await assert.rejects(
        world.db.inSystemTx((tx) => tx.run(sql`truncate ${sql.table(table)}`)),
        /permission denied/,
      );
    }
  });

  test('is read by pages and filters, and only by who may', async () => {
    const owner = await recorded(5);
    const all = (await owner.get('/audit-log?limit=100')).body.items;
    const seen: number[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { body }: { body: { items: { seq: number }[]; next_cursor: string | null } } = await owner.get(
        `/audit-log?limit=2${cursor && `&cursor=${cursor}`}`,
      );
      seen.push(...body.items.map((item) => item.seq));
      cursor = body.next_cursor;
    }
    assert.deepEqual(
      seen,
      all.map((item: { seq: number }) => item.seq),
    );
    const changed = (await owner.get('/audit-log?type=member_changed&actor_id=ada')).body.items;
    assert.equal(changed.length, 5);
    assert.equal((await owner.get(`/audit-log?actor_id=ada&type=member_added`)).body.items.length, 0);
    const { time } = changed[0];
    assert.equal((await owner.get(`/audit-log?until=${all.at(-1).time}`)).body.items.length, 0);
    assert.ok((await owner.get(`/audit-log?since=${time}`)).body.items.length >= 1);
    const page = (await owner.get('/audit-log?limit=1')).body;
    const elsewhere = await owner.get(`/audit-log?limit=1&type=member_changed&cursor=${page.next_cursor}`);
    assert.equal(elsewhere.body.error.code, 'invalid_cursor');
    const developer = await world.apiKey(owner, ['developer']);
    assert.equal((await developer.get('/audit-log')).status, 403);
    assert.equal((await developer.get('/audit-log/verify')).status, 403);
  });
});

describe('a chain that somebody touched', () => {
  const at = async (owner: Member) => (await verify(owner)).broken_at;

  test('is broken where a record was altered, taken out or put in', async () => {
    const altered = await recorded(4);
    const { records } = await verify(altered);
    await asOwner(
      `update audit_records set data = '{"n": 99}' where tenant_id = $1 and seq = $2`,
      ...[altered.tenantId, records - 1],
    );
    assert.deepEqual(await at(altered), { seq: records - 1, reason: 'altered' });
    const shortened = await recorded(4);
    await asOwner('delete from audit_records where tenant_id = $1 and seq = $2', shortened.tenantId, records - 1);
    assert.deepEqual(await at(shortened), { seq: records - 1, reason: 'missing' });
    assert.equal((await verify(shortened)).checkpoint, null);
  });

  test('is broken where it was cut off behind a checkpoint', async () => {
    const owner = await recorded(3);
    const { records } = await verify(owner);
    await service().checkpoint(AbortSignal.timeout(5_000));
    assert.equal((await verify(owner)).valid, true);
    await asOwner('delete from audit_records where tenant_id = $1 and seq = $2', owner.tenantId, records);
    assert.deepEqual(await at(owner), { seq: records, reason: 'truncated' });
  });

  test('does not fit its checkpoint when it was written anew', async () => {
    const owner = await recorded(3);
    const { records } = await verify(owner);
    await service().checkpoint(AbortSignal.timeout(5_000));
    await asOwner('delete from audit_records where tenant_id = $1 and seq = $2', owner.tenantId, records);
    await world.db.inTx(owner.ctx, (tx) => service().record(tx, event(owner.tenantId, 77)));
    assert.deepEqual(await at(owner), { seq: records, reason: 'checkpoint_mismatch' });
  });

  test('does not fit a checkpoint that was kept outside, though ours were removed with the records', async () => {
    const owner = await recorded(3);
    const { checkpoint, records } = await verify(owner);
    assert.equal((await verify(owner, checkpoint)).valid, true);
    await asOwner('delete from audit_records where tenant_id = $1 and seq = $2', owner.tenantId, records);
    assert.equal((await verify(owner)).valid, true);
    assert.deepEqual((await verify(owner, checkpoint)).broken_at, { seq: records, reason: 'truncated' });
    await world.db.inTx(owner.ctx, (tx) => service().record(tx, event(owner.tenantId, 77)));
    assert.deepEqual((await verify(owner, checkpoint)).broken_at, { seq: records, reason: 'checkpoint_mismatch' });
  });

  test('cannot be covered by a checkpoint that we did not sign, or signed for another', async () => {
    const [owner, other] = [await recorded(2), await recorded(2)];
    const { checkpoint } = await verify(other);
    for (const text of [checkpoint, `${checkpoint}x`, 'a.b.c', 'nonsense'])
      assert.deepEqual((await verify(owner, text)).broken_at, { seq: 0, reason: 'checkpoint_invalid' }, text);
    await asOwner(
      `insert into audit_checkpoints (tenant_id, seq, hash, statement, created_at)
       select tenant_id, seq, hash, $2, now() from audit_records where tenant_id = $1 and seq = 2`,
      ...[owner.tenantId, checkpoint],
    );
    assert.deepEqual(await at(owner), { seq: 2, reason: 'checkpoint_invalid' });
  });
});
