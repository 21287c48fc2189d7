import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { MountedRoute } from '../../src/platform/http/routes.ts';
import { createLog } from '../../src/platform/telemetry/log.ts';
import { createWorld, type Member, type World } from '../support/world.ts';
import { FIXTURES } from './fixtures.ts';
import { type Odd, oddRequests } from './malformed.ts';
import { ask, assertErrorShape, documented, UNHURRIED } from './support.ts';

/** Requests under way at once. */
const AT_ONCE = 16;
/** Of these a client is told before or beside any route, so that the documents of a route need not say them. */
const OF_NO_ROUTE = new Set([404, 431]);

describe('whatever is sent, the answer is a documented one', () => {
  let world: World;
  let owner: Member;
  const faults: string[] = [];

  before(async () => {
    const log = createLog({ level: 'error', write: (line) => void faults.push(line) });
    world = await createWorld({ app: { ...UNHURRIED, log }, doorless: 'an nginx refuses addresses in its own words' });
    owner = await world.signUp();
  });
  after(() => world.stop());

  const isRight = async (route: MountedRoute, odd: Odd, statuses: ReadonlySet<number>) => {
    const what = `${route.method} ${route.spec.url}, ${odd.what}`;
    let seen = await ask(world, odd.path, odd.init);
    // Where only so many may run at once, the others are told to come back: so they do.
    for (let n = 0; n < 50 && seen.status === 503 && JSON.parse(seen.text).error?.code === 'overloaded'; n += 1)
      seen = await ask(world, odd.path, odd.init);
    assert.ok(seen.status < 500, `${what}: ${seen.status} ${seen.text}\n${faults.at(-1)}`);
    assert.ok(
      statuses.has(seen.status) || OF_NO_ROUTE.has(seen.status),
      `${what}: ${seen.status} is not documented: ${seen.text}`,
    );
    if (seen.status >= 400) assertErrorShape(route, seen);
  };

  test('for every route', { timeout: 600_000 }, async (t) => {
    const statusesOf = documented(world);
    for (const route of world.app.http.routes)
      await t.test(route.spec.operationId, async () => {
        const fixture = FIXTURES[route.spec.operationId];
        assert.ok(fixture, `${route.spec.operationId} has no fixture`);
        const made = await fixture({ world, owner, mark: 'm' });
        const isPublic = route.spec.access === 'public';
        const queue = oddRequests(route, made, isPublic ? undefined : owner.authorization);
        assert.ok(queue.length > 30);
        const statuses = statusesOf(route);
        const work = async () => {
          for (let odd = queue.pop(); odd !== undefined; odd = queue.pop()) await isRight(route, odd, statuses);
        };
        await Promise.all(Array.from({ length: AT_ONCE }, work));
        await world.settle();
      });
  });

  test('nothing was logged as our fault', () => assert.deepEqual(faults, []));
});
