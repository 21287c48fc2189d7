import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { MountedRoute } from '../../src/platform/http/routes.ts';
import { createWorld, type Member, type World } from '../support/world.ts';
import { FIXTURES } from './fixtures.ts';
import { assertErrorShape, type Caller, documented, pathOf, send, UNHURRIED } from './support.ts';

/** All that a seat's key opens, of its own discussion. A route that is added stays closed to it unless it is added here. */
const OPEN = [
  'claimTurn',
  'exportDiscussion',
  'followDiscussion',
  'getDiscussion',
  'getTurnContext',
  'listMessages',
  'listTurns',
  'postMessage',
];

describe('a seat’s key opens its own discussion, and nothing else', () => {
  let world: World;
  let owner: Member;
  let routes: readonly MountedRoute[];
  let seat: Caller;
  let own: { readonly discussion_id: string; readonly turn: string };

  before(async () => {
    world = await createWorld({ app: UNHURRIED, doorless: 'an nginx refuses addresses in its own words' });
    owner = await world.signUp();
    routes = world.app.http.routes.filter(({ spec }) => spec.access !== 'public');
    const participants = [{ seat: { name: 'guest' } }];
    const { body } = await owner.post('/discussions', { topic: 'Its own', participants });
    const key = await owner.post(`/discussions/${body.id}/participants/${body.participants[0].id}/key`);
    assert.equal(key.status, 201, JSON.stringify(key.body));
    seat = world.as(key.body.key);
    own = { discussion_id: body.id, turn: '1' };
  });
  after(() => world.stop());

  test('these routes say by what such a key is bound', () => {
    const bound = routes.filter(({ spec }) => spec.confinedBy !== undefined);
    assert.deepEqual(bound.map(({ spec }) => spec.operationId).sort(), OPEN);
    assert.deepEqual(new Set(bound.map(({ spec }) => spec.confinedBy)), new Set(['discussion_id']));
  });

  test('every route answers it 403, or 404 where it is open elsewhere: whatever exists, and whatever is sent', async (t) => {
    const statuses = documented(world);
    const refuses = async (route: MountedRoute) => {
      const { operationId } = route.spec;
      const made = await (FIXTURES[operationId] as (typeof FIXTURES)[string])({ world, owner, mark: 'elsewhere' });
      const seen = await send(world, route, made, seat);
      assert.equal(seen.status, OPEN.includes(operationId) ? 404 : 403, `${operationId}: ${seen.text}`);
      assert.ok(!seen.text.includes('elsewhere'), seen.text);
      assert.ok(statuses(route).has(seen.status), `${operationId}: ${seen.status} is not documented`);
      assertErrorShape(route, seen);
      if (OPEN.includes(operationId)) return;
      // A closed route stays closed where it is about the seat's own discussion.
      const params = { ...made.params, ...(made.params?.discussion_id && { discussion_id: own.discussion_id }) };
      assert.equal((await send(world, route, { ...made, params }, seat)).status, 403, operationId);
    };
    assert.ok(routes.length > 60);
    for (const route of routes) await t.test(route.spec.operationId, () => refuses(route));
  });

  test('another tenant’s discussion looks the same as none', async () => {
    const stranger = await world.signUp();
    for (const route of routes.filter(({ spec }) => OPEN.includes(spec.operationId))) {
      const fixture = FIXTURES[route.spec.operationId] as (typeof FIXTURES)[string];
      const theirs = await fixture({ world, owner: stranger, mark: 'theirs' });
      assert.equal((await send(world, route, theirs, seat)).status, 404, route.spec.operationId);
    }
  });

  test('what is open to it answers, of its own', async () => {
    // In an order in which each can: a claim gives the turn a context, and what is said comes last.
    const inOrder = ['claimTurn', ...OPEN.filter((id) => id !== 'claimTurn' && id !== 'postMessage'), 'postMessage'];
    for (const operationId of inOrder) {
      const route = routes.find(({ spec }) => spec.operationId === operationId) as MountedRoute;
      const made = {
        params: route.spec.params?.properties.turn ? own : { discussion_id: own.discussion_id },
        ...(operationId === 'postMessage' && { body: { content: 'Heard.' } }),
      };
      const seen = await send(world, route, made, seat);
      assert.ok(seen.status < 300, `${operationId}: ${seen.status} ${seen.text}`);
    }
  });

  test('neither a ticket nor another method leads around it', async () => {
    const route = routes.find(({ spec }) => spec.operationId === 'followDiscussion') as MountedRoute;
    const path = pathOf(route, { params: own });
    const ask = (method: string, target: string) =>
      fetch(`${world.url}${target}`, { method, headers: { authorization: String(seat.authorization) } });
    const { body } = await owner.post('/tickets', { path });
    assert.equal((await ask('POST', `${world.prefix}/tickets`)).status, 403);
    assert.ok(body.ticket);
    assert.equal((await ask('HEAD', `${world.prefix}/discussions`)).status, 403);
    assert.equal((await ask('HEAD', `${world.prefix}/discussions/${own.discussion_id}`)).status, 200);
    for (const id of [own.discussion_id.toUpperCase(), `${own.discussion_id}%00`, `${own.discussion_id}%2f..`]) {
      const { status } = await ask('GET', `${world.prefix}/discussions/${id}/messages`);
      assert.ok([200, 404, 422].includes(status), `${id}: ${status}`);
    }
  });
});
