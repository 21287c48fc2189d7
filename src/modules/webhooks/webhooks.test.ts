import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import { createReceiver, type Received } from '../../../test/support/receiver.ts';
import { deliveriesOf, happen, hurry, makeWebhook, verify, webhookWorld } from '../../../test/support/webhooks.ts';
import type { Member, World } from '../../../test/support/world.ts';

const TYPES = ['agent_registered'];

describe('webhooks', () => {
  let world: World;
  let owner: Member;
  before(async () => {
    world = await webhookWorld();
  });
  after(() => world.stop());
  const fresh = async () => {
    owner = await world.signUp();
    return owner;
  };

  test('an event is sent once, as it stands in the log, with a signature that Standard Webhooks verifies', async () => {
    const who = await fresh();
    await using receiver = await createReceiver();
    const hook = await makeWebhook(who, { url: receiver.url, types: TYPES });
    assert.match(hook.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    const made = await happen(who);
    await world.settle();
    assert.equal(receiver.received.length, 1);
    const [got] = receiver.received as [Received];
    assert.equal(got.event.data.agent_id, made.id);
    assert.deepEqual(verify(hook.secret, got), got.event);
    assert.deepEqual([got.method, got.path], ['POST', '/hook']);
    assert.equal(got.headers['content-type'], 'application/json');
    assert.match(String(got.headers['user-agent']), /^Parley-Webhooks\//);
    assert.equal(got.headers['webhook-id'], got.event.id);
    const { items } = (await who.get('/events?type=agent_registered')).body;
    assert.deepEqual(got.event, items[0]);
    const [delivery, ...others] = await deliveriesOf(who, hook.id);
    assert.equal(others.length, 0);
    assert.deepEqual([delivery.status, delivery.kind, delivery.attempt_count], ['succeeded', 'event', 1]);
    assert.equal(delivery.cursor, `${got.event.epoch}.${got.event.position}`);
    const [attempt] = delivery.attempts;
    assert.deepEqual([attempt.number, attempt.status, attempt.error, attempt.response], [1, 204, null, null]);
    const one = (await who.get(`/webhooks/${hook.id}/deliveries/${delivery.id}`)).body;
    assert.equal(one.body, got.body);
  });

  test('each change counts from then on, and nothing before it', async () => {
    const who = await fresh();
    await using receiver = await createReceiver();
    // Remembered as a tenant of which nothing is wanted.
    await happen(who);
    await world.settle();
    const heard = async () => {
      receiver.received.splice(0);
      const { id } = await happen(who);
      await world.settle();
      return receiver.received.filter(({ event }) => event.subject === id).length;
    };
    const hook = await makeWebhook(who, { url: receiver.url, types: ['agent_changed'] });
    let { version } = hook;
    const change = async (body: object) => {
      const answer = await who.patch(`/webhooks/${hook.id}`, body, { headers: { 'if-match': `"${version}"` } });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      version = answer.body.version;
      return answer.body;
    };
    assert.equal(await heard(), 0);
    await change({ types: TYPES });
    assert.equal(await heard(), 1);
    const off = await change({ enabled: false });
    assert.deepEqual([off.enabled, off.disabled_reason], [false, 'manual']);
    assert.equal(await heard(), 0);
    const on = (await who.post(`/webhooks/${hook.id}/enable`)).body;
    assert.deepEqual([on.enabled, on.disabled_reason, on.disabled_at], [true, null, null]);
    assert.equal(await heard(), 1);
    const again = (await who.post(`/webhooks/${hook.id}/enable`)).body;
    assert.equal(again.version, on.version);
    version = on.version;
    await change({ types: null, description: 'all' });
    assert.equal(await heard(), 1);
    const stale = await who.patch(`/webhooks/${hook.id}`, { description: 'x' }, { headers: { 'if-match': '"1"' } });
    assert.deepEqual([stale.status, stale.body.error.code], [412, 'version_mismatch']);
    assert.equal((await who.delete(`/webhooks/${hook.id}`)).status, 204);
    assert.equal(await heard(), 0);
    assert.equal((await who.get(`/webhooks/${hook.id}`)).status, 404);
  });

  test('whatever happens after a webhook was made is sent, however close behind', async () => {
    const who = await fresh();
    await using receiver = await createReceiver();
    const expected = new Set<string>();
    for (let n = 0; n < 25; n++) {
      await makeWebhook(who, { url: `${receiver.url}/${n}`, types: TYPES });
      const made = await happen(who);
      for (let k = 0; k <= n; k++) expected.add(`/hook/${k} ${made.id}`);
    }
    await world.settle();
    // What happened a moment before may be sent, too: it is not counted.
    const missing = () => {
      const got = new Set(receiver.received.map(({ path, event }) => `${path} ${event.subject}`));
      return [...expected].filter((one) => !got.has(one));
    };
    for (let n = 0; n < 30 && missing().length > 0; n++) await hurry(world);
    assert.deepEqual(missing(), []);
  });

  test('webhooks hear of webhooks, and that ends', async () => {
    const who = await fresh();
    await using receiver = await createReceiver();
    const hook = await makeWebhook(who, { url: receiver.url });
    await makeWebhook(who, { url: receiver.url });
    await world.settle();
    const seen = receiver.received.map(({ event }) => event.type);
    assert.ok(seen.length >= 2 && seen.length <= 4, seen.join());
    assert.ok(seen.every((type) => type === 'webhook_created'));
    receiver.received.splice(0);
    await who.post(`/webhooks/${hook.id}/rotate`);
    await world.settle();
    assert.deepEqual(
      receiver.received.map(({ event }) => [event.type, event.data.change]),
      [
        ['webhook_changed', 'secret_rotated'],
        ['webhook_changed', 'secret_rotated'],
      ],
    );
  });

  test('after a rotation both secrets are good for a day, or not at all where that is asked for', async () => {
    const who = await fresh();
    await using receiver = await createReceiver();
    const hook = await makeWebhook(who, { url: receiver.url, types: TYPES });
    const next = async () => {
      receiver.received.splice(0);
      await happen(who);
      await world.settle();
      return receiver.received[0] as Received;
    };
    const signatures = ({ headers }: Received) => String(headers['webhook-signature']).split(' ').length;
    const rotated = (await who.post(`/webhooks/${hook.id}/rotate`)).body;
    assert.notEqual(rotated.secret, hook.secret);
    const inHours = (Date.parse(rotated.previous_secret_expires_at) - Date.now()) / 3_600_000;
    assert.ok(inHours > 23.9 && inHours < 24.1);
    const both = await next();
    assert.equal(signatures(both), 2);
    for (const secret of [hook.secret, rotated.secret]) verify(secret, both);

    await world.db.inSystemTx((tx) => tx.run(sql`update webhooks set previous_until = now() - interval '1 second'`));
    const later = await next();
    assert.equal(signatures(later), 1);
    verify(rotated.secret, later);
    assert.throws(() => verify(hook.secret, later), /No matching signature/);

    const leaked = (await who.post(`/webhooks/${hook.id}/rotate`, { keep_previous_hours: 0 })).body;
    assert.equal(leaked.previous_secret_expires_at, null);
    const after = await next();
    assert.equal(signatures(after), 1);
    verify(leaked.secret, after);
  });

  test('a secret is shown once, and is nowhere else: not in the database, the log, nor any answer', async () => {
    const who = await fresh();
    await using receiver = await createReceiver();
    const hook = await makeWebhook(who, { url: `${receiver.url}?token=hidden`, types: TYPES });
    await who.post(`/webhooks/${hook.id}/rotate`);
    await happen(who);
    await world.settle();
    const raw = hook.secret.slice('whsec_'.length);
    const dumps = [
      'webhooks',
      'webhook_deliveries',
      'webhook_attempts',
      'events',
      'jobs',
      'audit_records',
      'idempotent_answers',
    ];
    for (const table of dumps) {
      const rows = await world.db.system.all(sql`select * from ${sql.id(table)} as t`);
      assert.ok(!JSON.stringify(rows).includes(raw), table);
      if (table === 'events' || table === 'audit_records') assert.ok(!JSON.stringify(rows).includes('hidden'), table);
    }
    for (const path of ['/webhooks', `/webhooks/${hook.id}`, `/webhooks/${hook.id}/deliveries`, '/events'])
      assert.ok(!JSON.stringify((await who.get(path)).body).includes(raw), path);
    const record = (await who.get('/audit-log')).body.items.map(({ type }: { type: string }) => type);
    assert.ok(record.includes('webhook_created') && record.includes('webhook_changed'), record.join());
  });

  test('two tenants: nothing of the one is sent to the other', async () => {
    const [one, other] = [await fresh(), await world.signUp()];
    await using mine = await createReceiver();
    await using theirs = await createReceiver();
    await makeWebhook(one, { url: mine.url });
    const hook = await makeWebhook(other, { url: theirs.url });
    await happen(one);
    await happen(other);
    await world.settle();
    assert.ok(mine.received.length > 0 && theirs.received.length > 0);
    assert.ok(mine.received.every(({ event }) => event.tenantid === one.tenantId));
    assert.ok(theirs.received.every(({ event }) => event.tenantid === other.tenantId));
    for (const path of ['', '/deliveries']) assert.equal((await one.get(`/webhooks/${hook.id}${path}`)).status, 404);
    const [delivery] = await deliveriesOf(other, hook.id);
    const own = (await one.get('/webhooks')).body.items[0];
    for (const id of [hook.id, own.id])
      assert.equal((await one.get(`/webhooks/${id}/deliveries/${delivery.id}`)).status, 404);
    assert.equal((await one.post(`/webhooks/${own.id}/deliveries/${delivery.id}/retry`)).status, 404);
  });

  test('who signed in is sent only where somebody with the right to the audit record named it, and shown to nobody else', async () => {
    const who = await fresh();
    await using all = await createReceiver();
    await using named = await createReceiver();
    const developer = await world.apiKey(who, ['developer']);
    const asDeveloper = { ...who, ...developer };
    await makeWebhook(asDeveloper, { url: all.url });
    const refused = await developer.post('/webhooks', { url: named.url, types: ['user_signed_in'] });
    assert.deepEqual([refused.status, refused.body.error.code], [403, 'permission_denied']);
    const hook = await makeWebhook(who, { url: named.url, types: ['user_signed_in', ...TYPES] });
    const credentials = { grant_type: 'password', username: who.email, password: who.password };
    assert.equal((await world.anonymous.post('/auth/token', credentials)).status, 200);
    await happen(who);
    await world.settle();
    const types = (got: readonly Received[]) => new Set(got.map(({ event }) => event.type));
    assert.ok(types(named.received).has('user_signed_in'));
    assert.ok(!types(all.received).has('user_signed_in') && types(all.received).has('agent_registered'));

    const mine = await deliveriesOf(who, hook.id);
    const theirs = await deliveriesOf(asDeveloper, hook.id);
    const guarded = mine.find(({ type }) => type === 'user_signed_in');
    assert.ok(guarded);
    assert.deepEqual(new Set(theirs.map(({ type }) => type)), new Set(TYPES));
    assert.equal((await developer.get(`/webhooks/${hook.id}/deliveries/${guarded.id}`)).status, 404);
    // Nor can it be led elsewhere.
    const moved = await developer.patch(`/webhooks/${hook.id}`, { url: all.url }, { headers: { 'if-match': '*' } });
    assert.equal(moved.status, 403);
    const viewer = await world.apiKey(who, ['viewer']);
    assert.equal((await viewer.get('/webhooks')).status, 403);
  });

  test('an address that must not be called is refused when it is set, however it is spelt', async () => {
    const who = await fresh();
    const hook = await makeWebhook(who, { url: 'https://hooks.example.com/', enabled: false });
    for (const url of [
      'http://10.0.0.1/',
      'http://169.254.169.254/latest/meta-data/',
      'http://2130706434/',
      'http://0x7f.0.0.2/',
      'http://[::ffff:10.0.0.1]/',
      'http://[64:ff9b::a00:1]/',
      'http://[::1]/',
      'http://localhost:5432/',
      'http://db.internal/',
      'https://user:secret@example.com/',
      'https://example.com:8443/',
      'ftp://example.com/',
      'javascript:alert(1)',
      'nothing',
    ]) {
      for (const answer of [
        await who.post('/webhooks', { url }),
        await who.patch(`/webhooks/${hook.id}`, { url }, { headers: { 'if-match': '*' } }),
      ]) {
        assert.deepEqual([answer.status, answer.body.error.code], [422, 'validation_failed'], url);
        assert.equal(answer.body.error.details.fields[0].field, 'url');
      }
    }
    const unknown = await who.post('/webhooks', {
      url: 'https://example.com/',
      types: ['agent_registered', 'no_such'],
    });
    assert.deepEqual([unknown.status, unknown.body.error.details.fields[0].field], [422, 'types.1']);
  });

  test('a tenant has fifty at most, also when many are made at once', async () => {
    const who = await fresh();
    const made = await Promise.all(
      Array.from({ length: 54 }, () => who.post('/webhooks', { url: 'https://example.com/', enabled: false })),
    );
    const statuses = made.map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 201).length, 50);
    assert.equal(statuses.filter((status) => status === 422).length, 4);
    const { items, total } = (await who.get('/webhooks?page_size=10&page=5')).body;
    assert.deepEqual([items.length, total], [10, 50]);
  });
});
