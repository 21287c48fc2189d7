import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createWorld, type World } from './support/world.ts';

let world: World;
before(async () => {
  world = await createWorld({ redis: false });
});
after(() => world.stop());

test('the whole server answers: healthy and ready', async () => {
  assert.deepEqual((await world.anonymous.get('/health')).body, { status: 'ok' });
  const ready = await world.anonymous.get('/health/ready');
  assert.deepEqual([ready.status, ready.body], [200, { status: 'ok', database: 'connected', redis: 'disabled' }]);
});

test('two who signed up see their own tenants', async () => {
  const [one, two] = await Promise.all([world.signUp({ tenantName: 'One' }), world.signUp({ tenantName: 'Two' })]);
  assert.equal((await one.get('/auth/me')).body.tenant.name, 'One');
  assert.equal((await two.get('/auth/me')).body.tenant.name, 'Two');
  const made = await one.post('/agents', { name: 'ada' });
  assert.equal(made.status, 201);
  assert.equal((await two.get(`/agents/${made.body.id}`)).status, 404);
});

test('a key may do what its roles may, and no more', async () => {
  const owner = await world.signUp();
  const viewer = await world.apiKey(owner, ['viewer']);
  assert.equal((await viewer.get('/agents')).status, 200);
  assert.equal((await viewer.post('/agents', { name: 'x' })).status, 403);
});

test('a restart keeps who is signed in and what was made', async () => {
  const owner = await world.signUp();
  const made = await owner.post('/agents', { name: 'kept' });
  await world.settle();
  await world.restart();
  assert.equal((await owner.get(`/agents/${made.body.id}`)).body.name, 'kept');
});
