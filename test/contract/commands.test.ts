import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import type { MountedRoute } from '../../src/platform/http/routes.ts';
import { createWorld, type Member, type World } from '../support/world.ts';
import { FIXTURES, type Made } from './fixtures.ts';
import { assertErrorShape, type Caller, documented, type Seen, send, UNHURRIED } from './support.ts';

/** Creating POSTs that are no commands: they make nothing of which a second one would be too many. */
const NO_COMMANDS = new Set([
  // Foreign wires have manners of their own; a model's answer is made anew each time it is asked for.
  ...['token', 'revokeToken', 'createChatCompletion', 'invokeAgent', 'streamAgent'],
  // Changes of what exists, which come out the same when they are repeated.
  ...['enableWebhook', 'retryWebhookDelivery'],
  ...[
    'changePassword',
    'archiveAgent',
    'restoreAgent',
    'requeueDeadLetter',
    'requeueDeadLetters',
    'discardDeadLetters',
  ],
  ...['pauseDiscussion', 'resumeDiscussion', 'cancelDiscussion', 'advanceDiscussion'],
  ...['cancelOrder', 'fulfilOrder', 'payOrder'],
  // A second claim is as good as the first, and takes its place.
  'claimTurn',
]);
const AT_ONCE = 8;
/** Tables that come and go by themselves: what is kept of answers, of who is at work, and of what was handled. */
const NOT_EFFECTS = new Set([
  'idempotent_answers',
  'public_idempotent_answers',
  'leases',
  'processes',
  'inbox',
  'consumer_offsets',
  // A delivery that failed is attempted again when its time comes.
  'webhook_attempts',
]);

describe('every creating POST has its effect once', () => {
  let world: World;
  let owner: Member;
  let commands: readonly MountedRoute[];

  before(async () => {
    world = await createWorld({ app: UNHURRIED });
    owner = await world.signUp();
    commands = world.app.http.routes.filter(({ kind }) => kind === 'command');
  });
  after(() => world.stop());

  const make = (route: MountedRoute): Promise<Made> => {
    const fixture = FIXTURES[route.spec.operationId];
    assert.ok(fixture, `${route.spec.operationId} has no fixture`);
    return fixture({ world, owner, mark: 'm' });
  };
  const callerOf = (route: MountedRoute): Caller => (route.spec.access === 'public' ? world.anonymous : owner);
  const post = (route: MountedRoute, made: Made, key: string): Promise<Seen> =>
    send(world, route, { ...made, headers: { ...made.headers, 'idempotency-key': key } }, callerOf(route));
  const replayed = (seen: Seen) => seen.headers.get('idempotency-replayed') === 'true';

  /** How many rows each table has. */
  async function rows(): Promise<Map<string, number>> {
    const tables = await world.db.system.all<{ name: string }>(
      sql`select c.relname as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
          and not c.relispartition and has_table_privilege('parley_system', c.oid, 'select') order by 1`,
    );
    const counted = new Map<string, number>();
    for (const { name } of tables) {
      if (NOT_EFFECTS.has(name)) continue;
      const row = await world.db.system.first<{ n: string }>(sql`select count(*) as n from ${sql.id(name)}`);
      counted.set(name, Number(row?.n));
    }
    return counted;
  }

  /** What `act` adds to each table, once everything that follows from it has been done. */
  async function effectOf(act: () => Promise<unknown>): Promise<Record<string, number>> {
    await world.settle();
    const before = await rows();
    await act();
    await world.settle();
    const changes = [...(await rows())].map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const);
    return Object.fromEntries(changes.filter(([, change]) => change !== 0));
  }

  test('every POST that creates is a command', () => {
    const others = world.app.http.routes.filter(({ method, kind }) => method === 'POST' && kind !== 'command');
    assert.deepEqual(
      others.map(({ spec }) => spec.operationId).filter((id) => !NO_COMMANDS.has(id)),
      [],
    );
    assert.ok(commands.length >= 8);
  });

  test('a repeat gets the first answer byte for byte, and changes nothing', async (t) => {
    for (const route of commands)
      await t.test(route.spec.operationId, async () => {
        const made = await make(route);
        const key = randomUUID();
        const first = await post(route, made, key);
        assert.equal(first.status, 201, first.text);
        assert.ok(!replayed(first));
        let second = first;
        const effect = await effectOf(async () => {
          second = await post(route, made, key);
        });
        assert.ok(replayed(second), second.text);
        assert.equal(second.status, first.status);
        assert.equal(second.text, first.text);
        for (const header of ['content-type', 'location', 'etag', 'set-cookie'])
          assert.equal(second.headers.get(header), first.headers.get(header), header);
        assert.notEqual(second.headers.get('x-request-id'), first.headers.get('x-request-id'));
        assert.deepEqual(effect, {});
      });
  });

  test('the same key with another body is refused', async (t) => {
    for (const route of commands)
      await t.test(route.spec.operationId, async () => {
        const made = await make(route);
        const key = randomUUID();
        assert.equal((await post(route, made, key)).status, 201);
        const other = await post(route, { ...(await make(route)), params: made.params ?? {} }, key);
        const sameRequest = JSON.stringify((await make(route)).body) === JSON.stringify(made.body);
        if (sameRequest) return assert.ok(replayed(other));
        assert.equal(other.status, 422, other.text);
        assert.equal(JSON.parse(other.text).error.code, 'idempotency_mismatch');
        assertErrorShape(route, other);
      });
  });

  test('of many at once exactly one has an effect, and it is that of one', async (t) => {
    const statuses = documented(world);
    for (const route of commands)
      await t.test(route.spec.operationId, async () => {
        const [one, many] = [await make(route), await make(route)];
        const alone = await effectOf(() => post(route, one, randomUUID()));
        assert.notDeepEqual(alone, {});
        const key = randomUUID();
        let answers: Seen[] = [];
        const together = await effectOf(async () => {
          answers = await Promise.all(Array.from({ length: AT_ONCE }, () => post(route, many, key)));
        });
        const done = answers.filter(({ status }) => status === 201);
        assert.equal(done.filter((seen) => !replayed(seen)).length, 1, answers.map(({ text }) => text).join('\n'));
        assert.equal(new Set(done.map(({ text }) => text)).size, 1);
        for (const seen of answers) {
          assert.ok(seen.status === 201 || seen.status === 409, seen.text);
          assert.ok(statuses(route).has(seen.status));
          if (seen.status !== 409) continue;
          assert.equal(JSON.parse(seen.text).error.code, 'idempotency_in_progress');
          assert.ok(Number(seen.headers.get('retry-after')) >= 1);
        }
        assert.deepEqual(together, alone);
      });
  });

  test('a refusal is not kept, and a bad key is refused', async (t) => {
    for (const route of commands)
      await t.test(route.spec.operationId, async () => {
        const made = await make(route);
        const key = randomUUID();
        const refused = await post(route, { ...made, body: { no_such_field: 1 } }, key);
        assert.equal(refused.status, 422, refused.text);
        assert.equal((await post(route, made, key)).status, 201);
        for (const bad of ['', 'two words', 'x'.repeat(256)]) {
          const seen = await post(route, made, bad);
          assert.equal(seen.status, 400, `${JSON.stringify(bad)}: ${seen.text}`);
          assert.equal(JSON.parse(seen.text).error.code, 'idempotency_key_invalid');
        }
      });
  });
});
