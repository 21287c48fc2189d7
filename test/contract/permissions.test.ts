import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { PERMISSIONS } from '../../src/platform/auth/permissions.ts';
import type { MountedRoute } from '../../src/platform/http/routes.ts';
import { createWorld, type Member, type World } from '../support/world.ts';
import { assertErrorShape, blank, documented, send, UNHURRIED } from './support.ts';

/** Who may ask these without signing in; everything else must name a permission or `authenticated`. */
const PUBLIC = [
  'acceptInvitation',
  'getHealth',
  'getJwks',
  'getReadiness',
  'openSocket',
  'register',
  'revokeToken',
  'token',
];
/** What anybody who is signed in may ask: it is about themselves, or checks a right of its own. */
const AUTHENTICATED = ['changePassword', 'createTicket', 'getMe', 'listRoles', 'listSessions', 'revokeSession'];

describe('every route names its permission, and holds to it', () => {
  let world: World;
  let owner: Member;
  let routes: readonly MountedRoute[];

  before(async () => {
    world = await createWorld({ app: UNHURRIED });
    owner = await world.signUp();
    routes = world.app.http.routes;
  });
  after(() => world.stop());

  test('only these routes need none', () => {
    const named = (access: string) =>
      routes.filter(({ spec }) => spec.access === access).map(({ spec }) => spec.operationId);
    assert.deepEqual(named('public').sort(), PUBLIC);
    assert.deepEqual(named('authenticated').sort(), AUTHENTICATED);
  });

  test('every permission opens a route, or is there for a later one', () => {
    const used = new Set(routes.map(({ permission }) => permission));
    const unused = PERMISSIONS.filter((permission) => !used.has(permission));
    assert.deepEqual(
      unused.filter((permission) => !/^(tenant|events|dead_letters):/.test(permission)),
      [],
    );
  });

  test('nobody is refused with 401 everywhere else, with bad credentials too', async () => {
    const statuses = documented(world);
    for (const route of routes) {
      if (route.spec.access === 'public') continue;
      for (const authorization of [undefined, 'Bearer x', 'Bearer eyJhbGciOiJub25lIn0.e30.', 'Basic YTpi', 'Bearer ']) {
        const seen = await send(world, route, blank(route), { authorization });
        assert.equal(seen.status, 401, `${route.spec.operationId} with ${authorization}: ${seen.text}`);
        assert.equal(seen.headers.get('www-authenticate'), 'Bearer');
        assert.ok(statuses(route).has(401));
        assertErrorShape(route, seen);
      }
    }
  });

  test('whoever has every permission but the one is refused with 403', async () => {
    const keys = new Map<string, string>();
    for (const route of routes) {
      const { permission } = route;
      if (permission === undefined) continue;
      if (!keys.has(permission)) {
        const scopes = PERMISSIONS.filter((other) => other !== permission);
        const { tenantId, userId } = owner;
        const { key } = await world.app.access.createApiKey({ tenantId, userId, name: `Not ${permission}`, scopes });
        keys.set(permission, key);
      }
      const seen = await send(world, route, blank(route), { authorization: `Bearer ${keys.get(permission)}` });
      assert.equal(seen.status, 403, `${route.spec.operationId}: ${seen.text}`);
      assert.ok(documented(world)(route).has(403));
      assertErrorShape(route, seen);
    }
  });
});
