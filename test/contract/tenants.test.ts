import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { MountedRoute } from '../../src/platform/http/routes.ts';
import { createWorld, type Member, type World } from '../support/world.ts';
import { FIXTURES, type Fixture, makeAgent, makeDocument, makeProduct } from './fixtures.ts';
import { ask, assertErrorShape, documented, pathOf, type Seen, send, UNHURRIED } from './support.ts';

const MARK = 'zwiebelturm';

/** What of a foreign thing may be referred to in a body of one's own. */
const CROSSINGS: Record<
  string,
  (mine: Member, theirs: Member) => Promise<{ method: string; path: string; body: unknown }>
> = {
  'a discussion of a foreign agent': async (_mine, theirs) => ({
    method: 'POST',
    path: '/discussions',
    body: { topic: 't', participants: [{ agent_id: (await makeAgent(theirs, MARK)).id }], start: false },
  }),
  'a discussion with a foreign person': async (_mine, theirs) => ({
    method: 'POST',
    path: '/discussions',
    body: { topic: 't', participants: [{ user_id: theirs.userId }], start: false },
  }),
  'a discussion over a foreign document': async (mine, theirs) => ({
    method: 'POST',
    path: '/discussions',
    body: {
      topic: 't',
      participants: [{ agent_id: (await makeAgent(mine, 'own')).id }],
      context: [{ document_id: (await makeDocument(theirs, MARK)).id }],
      start: false,
    },
  }),
  'a discussion led by a foreign moderator': async (mine, theirs) => ({
    method: 'POST',
    path: '/discussions',
    body: {
      topic: 't',
      participants: [{ agent_id: (await makeAgent(mine, 'own')).id }, { agent_id: (await makeAgent(mine, 'own')).id }],
      policy: { type: 'moderator', agent_id: (await makeAgent(theirs, MARK)).id },
      start: false,
    },
  }),
  'an order of a foreign product': async (_mine, theirs) => ({
    method: 'POST',
    path: '/orders',
    body: { lines: [{ product_id: (await makeProduct(theirs, MARK)).id, quantity: 1 }] },
  }),
  'an invocation over a foreign document': async (mine, theirs) => ({
    method: 'POST',
    path: `/agents/${(await makeAgent(mine, 'own')).id}/invoke`,
    body: { input: 'hello', context: [{ document_id: (await makeDocument(theirs, MARK)).id }] },
  }),
};

describe('two tenants: nothing of the one reaches the other', () => {
  let world: World;
  let owner: Member;
  let stranger: Member;
  let strangersKey: { authorization: string | undefined };
  let routes: readonly MountedRoute[];

  before(async () => {
    world = await createWorld({ app: UNHURRIED });
    owner = await world.signUp({ tenantName: MARK });
    stranger = await world.signUp();
    strangersKey = await world.apiKey(stranger, ['owner']);
    routes = world.app.http.routes;
  });
  after(() => world.stop());

  const fixtureOf = (route: MountedRoute): Fixture => {
    const fixture = FIXTURES[route.spec.operationId];
    assert.ok(
      fixture,
      `test/contract/fixtures.ts says of ${route.spec.operationId} neither how it succeeds nor for whom`,
    );
    return fixture;
  };

  const assertKept = (route: MountedRoute, seen: Seen) => {
    assert.ok(!seen.text.includes(MARK), `${route.spec.operationId} told a stranger: ${seen.text}`);
    assert.ok(!seen.text.includes(owner.tenantId), `${route.spec.operationId} told a stranger the tenant's id`);
  };

  test('every route has a fixture, and every fixture a route', () => {
    const ids = routes.map(({ spec }) => spec.operationId).sort();
    assert.deepEqual(Object.keys(FIXTURES).sort(), ids);
  });

  test('every route refuses a stranger what it gives its owner', async (t) => {
    const statuses = documented(world);
    const refuses = async (route: MountedRoute) => {
      const { operationId } = route.spec;
      const made = await fixtureOf(route)({ world, owner, mark: MARK });
      const hasParams = Object.keys(made.params ?? {}).length > 0;
      for (const caller of [stranger, strangersKey]) {
        // What strangers say of their own may well come back to them: theirs has another word in it.
        const body =
          made.body === undefined ? undefined : JSON.parse(JSON.stringify(made.body).replaceAll(MARK, 'own'));
        const seen = await send(world, route, { ...made, body }, caller);
        const expected = made.foreign ?? (hasParams ? [404] : [200, 201, 204]);
        // An API key is no session: what is a person's own is refused to it as such. And it comes second, to a name
        // that the member of its tenant has taken.
        const ok = expected.includes(seen.status) || (caller === strangersKey && [403, 409].includes(seen.status));
        assert.ok(ok, `${operationId} answered a stranger ${seen.status} ${seen.text}`);
        assert.ok(statuses(route).has(seen.status), `${operationId}: ${seen.status} is not documented`);
        assertKept(route, seen);
        if (seen.status >= 400) assertErrorShape(route, seen);
      }
      const own = await send(world, route, made, owner);
      assert.ok(own.status < 300, `${operationId} refused its owner: ${own.status} ${own.text}`);
      assert.ok(statuses(route).has(own.status), `${operationId}: ${own.status} is not documented`);
    };
    for (const route of routes)
      if (route.spec.access !== 'public') await t.test(route.spec.operationId, () => refuses(route));
  });

  test('a foreign cursor opens nothing', async (t) => {
    const logs = routes.filter(({ spec, kind }) => kind === 'route' && spec.query?.properties.cursor !== undefined);
    assert.ok(logs.length >= 3);
    const isBound = async (route: MountedRoute) => {
      const made = await fixtureOf(route)({ world, owner, mark: MARK });
      const first = await send(world, route, { ...made, query: { ...made.query, limit: '1' } }, owner);
      const { next_cursor: cursor } = JSON.parse(first.text);
      assert.equal(typeof cursor, 'string', `${route.spec.operationId} has no second page: ${first.text}`);
      const next = await send(world, route, { ...made, query: { ...made.query, limit: '1', cursor } }, owner);
      assert.equal(next.status, 200, `${route.spec.operationId}: ${next.text}`);
      assert.notEqual(next.text, first.text);
      for (const caller of [stranger, strangersKey]) {
        const seen = await send(world, route, { ...made, query: { ...made.query, cursor } }, caller);
        assert.ok([400, 404].includes(seen.status), `${route.spec.operationId}: ${seen.status} ${seen.text}`);
        assertKept(route, seen);
        assertErrorShape(route, seen);
      }
      const other = await send(
        world,
        route,
        { ...made, query: { ...made.query, cursor: `${cursor.slice(0, -2)}AA` } },
        owner,
      );
      assert.equal(other.status, 400, other.text);
    };
    for (const route of logs) await t.test(route.spec.operationId, () => isBound(route));
  });

  test('a ticket opens the one stream it was made for, once, and no foreign one', async () => {
    const streams = routes.filter(({ kind }) => kind === 'follow');
    assert.ok(streams.length >= 1);
    for (const route of streams) {
      const theirs = pathOf(route, await fixtureOf(route)({ world, owner, mark: MARK }));
      const mine = pathOf(route, await fixtureOf(route)({ world, owner: stranger, mark: 'own' }));
      const ticketFor = async (member: Member, path: string) => {
        const { status, body } = await member.post('/tickets', { path });
        return status === 201 ? (body.ticket as string) : undefined;
      };
      const follow = (path: string, ticket: string) => ask(world, `${path}?ticket=${encodeURIComponent(ticket)}`, {});
      // A stream without an id in its path is everybody's own: the ticket says whose.
      if (theirs !== mine) {
        const owners = await ticketFor(owner, theirs);
        assert.ok(owners);
        const elsewhere = await follow(mine, owners);
        assert.equal(elsewhere.status, 401, elsewhere.text);
        assertErrorShape(route, elsewhere);
        // A stranger's ticket for the owner's stream is refused when it is made, or leads to nothing.
        const strangers = await ticketFor(stranger, theirs);
        if (strangers !== undefined) {
          const seen = await follow(theirs, strangers);
          assert.equal(seen.status, 404, seen.text);
          assertKept(route, seen);
        }
      }
      const good = await ticketFor(owner, theirs);
      assert.ok(good);
      assert.equal((await follow(theirs, good)).status, 200);
      const again = await follow(theirs, good);
      assert.equal(again.status, 401, again.text);
      assert.equal((await follow(theirs, 'made-up')).status, 401);
    }
  });

  test('who follows everything sees all of their own, and nothing of a stranger', async () => {
    const { body } = await stranger.get('/events?limit=1');
    const [epoch] = String(body.cursor).split('.');
    const abort = new AbortController();
    const response = await stranger.open('GET', `/events/stream?cursor=${epoch}.0`, undefined, {
      signal: abort.signal,
    });
    assert.equal(response.status, 200);
    await owner.post('/api-keys', { name: `Key of ${MARK}`, scopes: ['agents:read'] });
    const own = await stranger.post('/api-keys', { name: 'own', scopes: ['agents:read'] });
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body as ReadableStream<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      if (text.includes(own.body.id)) break;
    }
    abort.abort();
    assert.ok(text.includes(stranger.tenantId));
    assert.ok(!text.includes(owner.tenantId) && !text.includes(MARK), text);
  });

  for (const [what, make] of Object.entries(CROSSINGS))
    test(`${what} is refused`, async () => {
      const { method, path, body } = await make(stranger, owner);
      const seen = await ask(world, `${world.prefix}${path}`, {
        method,
        headers: {
          authorization: String(stranger.authorization),
          ...{ 'content-type': 'application/json', 'idempotency-key': 'a-crossing' },
        },
        body: JSON.stringify(body),
      });
      assert.ok([404, 422].includes(seen.status), `${seen.status} ${seen.text}`);
      assert.ok(!seen.text.includes(MARK), seen.text);
    });
});
