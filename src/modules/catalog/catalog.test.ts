import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { createWorld, type Member, type World } from '../../../test/support/world.ts';
import { append } from '../../platform/events/outbox.ts';
import { productChanged } from './events.ts';

let world: World;
let me: Member;
before(async () => {
  world = await createWorld();
  me = await world.signUp();
});
after(() => world.stop());

const EUR = (amount: number) => ({ amount, currency: 'EUR' });
const make = async (more: object = {}, who: Member = me) => {
  const made = await who.post('/products', { name: 'Tea', price: EUR(1_490), ...more });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return made.body;
};
const namesOf = (items: { name: string }[]) => items.map(({ name }) => name);

test('a product is made with what is said of it, and defaults for the rest', async () => {
  const made = await me.post('/products', {
    ...{ name: 'Assam ☕', sku: 'A-1', description: 'Strong.', price: { amount: 990, currency: 'JPY' }, stock: 7 },
    ...{ image_url: 'https://example.com/a.png', attributes: { organic: true, grams: 100, Größe: 'klein' } },
  });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { id, created_at, updated_at, ...rest } = made.body;
  assert.deepEqual(rest, {
    ...{ sku: 'A-1', name: 'Assam ☕', description: 'Strong.', price: { amount: 990, currency: 'JPY' } },
    ...{ image_url: 'https://example.com/a.png', attributes: { organic: true, grams: 100, Größe: 'klein' } },
    ...{ stock: 7, reserved: 0, version: 1, revision: 1, archived_at: null },
  });
  assert.equal(made.headers.get('etag'), '"v1.1"');
  assert.deepEqual((await me.get(`/products/${id}`)).body, made.body);
  const plain = await make();
  assert.deepEqual([plain.sku, plain.description, plain.stock, plain.image_url], [null, '', 0, null]);
});

test('what is no product is refused, and the error names the field', async () => {
  for (const [body, field] of [
    [{ name: '   ' }, 'name'],
    [{ price: EUR(-1) }, 'price.amount'],
    [{ price: EUR(9.5) }, 'price.amount'],
    [{ price: { amount: 1, currency: 'XYZ' } }, 'price.currency'],
    [{ stock: -1 }, 'stock'],
    [{ sku: 'two words' }, 'sku'],
    [{ image_url: 'http://example.com/a.png' }, 'image_url'],
    [{ image_url: 'https://' }, 'image_url'],
    [{ attributes: { nested: {} } }, 'attributes.nested'],
    [{ attributes: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`k${n}`, n])) }, 'attributes'],
    [{ colour: 'red' }, 'colour'],
  ] as const) {
    const { status, body: answer } = await me.post('/products', { name: 'x', price: EUR(1), ...body });
    assert.equal(status, 422, JSON.stringify(body));
    assert.equal(answer.error.details.fields[0].field, field, JSON.stringify(answer));
  }
});

test('a SKU belongs to one product of a tenant, and to any number of tenants', async () => {
  const first = await make({ sku: 'ONE' });
  assert.equal(
    (await me.post('/products', { name: 'x', price: EUR(1), sku: 'ONE' })).body.error.code,
    'already_exists',
  );
  const second = await make({ sku: 'TWO' });
  const renamed = await me.patch(`/products/${second.id}`, { sku: 'ONE' });
  assert.deepEqual([renamed.status, renamed.body.error.code], [409, 'already_exists']);
  assert.equal((await me.patch(`/products/${first.id}`, { sku: null })).status, 200);
  assert.equal((await me.patch(`/products/${second.id}`, { sku: 'ONE' })).status, 200);
  await make({ sku: 'ONE' }, await world.signUp());
  const both = await Promise.all([1, 2].map(() => me.post('/products', { name: 'x', price: EUR(1), sku: 'RACE' })));
  assert.deepEqual(both.map(({ status }) => status).sort(), [201, 409]);
});

test('a change with If-Match is refused to whoever read an older version', async () => {
  const { id } = await make({ stock: 3 });
  const path = `/products/${id}`;
  const { headers } = await me.get(path);
  const etag = headers.get('etag') ?? '';
  const changed = await me.patch(path, { name: 'Green tea', stock_change: 2 }, { headers: { 'if-match': etag } });
  assert.deepEqual([changed.status, changed.body.version, changed.body.stock], [200, 2, 5]);
  assert.equal(changed.headers.get('etag'), '"v2.2"');
  const stale = await me.patch(path, { name: 'x' }, { headers: { 'if-match': etag } });
  assert.deepEqual([stale.status, stale.body.error.details], [412, { current_version: 2 }]);
  assert.equal((await me.patch(path, { stock_change: -6 })).body.error.code, 'conflict');
  assert.equal((await me.patch(path, { stock: 1, stock_change: 1 })).status, 422);
  assert.equal((await me.patch(path, {})).status, 422);
  assert.equal((await me.get(path)).body.stock, 5);
});

test('of concurrent changes of the stock none is lost', async () => {
  const { id } = await make({ stock: 100 });
  const moves = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? 3 : -2));
  const seen = await Promise.all(moves.map((stock_change) => me.patch(`/products/${id}`, { stock_change })));
  assert.ok(seen.every(({ status }) => status === 200));
  const { body } = await me.get(`/products/${id}`);
  assert.deepEqual([body.stock, body.version, body.revision], [110, 21, 21]);
});

test('an archived product is kept, out of the list, and comes back', async () => {
  const { id } = await make({ name: 'Seldom tea' });
  const path = `/products/${id}`;
  assert.equal((await me.delete(path)).status, 204);
  assert.equal((await me.delete(path)).status, 204);
  const { body } = await me.get(path);
  assert.deepEqual([typeof body.archived_at, body.version], ['string', 2]);
  assert.deepEqual(namesOf((await me.get('/products?query=seldom')).body.items), []);
  assert.deepEqual(namesOf((await me.get('/products?query=seldom&archived=true')).body.items), ['Seldom tea']);
  const restored = await me.patch(path, { archived: false });
  assert.deepEqual([restored.body.archived_at, restored.body.version], [null, 3]);
});

test('the list is searched, filtered, sorted and paged', async () => {
  const other = await world.signUp();
  for (const [name, price, stock, sku] of [
    ['Ceylon', EUR(900), 0, 'c'],
    ['assam', EUR(700), 5, 'x%y'],
    ['Bancha', { amount: 800, currency: 'JPY' }, 9, null],
  ] as const)
    await make({ name, price, stock, sku, description: `The ${name} of all teas` }, other);
  const names = async (query: string) => namesOf((await other.get(`/products?${query}`)).body.items);
  assert.deepEqual(await names(''), ['Bancha', 'assam', 'Ceylon'], 'newest first');
  assert.deepEqual(await names('sort=name'), ['assam', 'Bancha', 'Ceylon']);
  assert.deepEqual(await names('sort=-price'), ['Ceylon', 'Bancha', 'assam']);
  assert.deepEqual(await names('sort=stock'), ['Ceylon', 'assam', 'Bancha']);
  assert.deepEqual(await names('currency=EUR&sort=price'), ['assam', 'Ceylon']);
  assert.deepEqual(await names('min_price=750&max_price=850'), ['Bancha']);
  assert.deepEqual(await names('in_stock=true&sort=name'), ['assam', 'Bancha']);
  assert.deepEqual(await names('in_stock=false'), ['Ceylon']);
  assert.deepEqual(await names('query=CEYLON+of'), ['Ceylon'], 'also in the description, in any case');
  assert.deepEqual(await names('query=x%25y'), ['assam'], 'the SKU; and % is only a character');
  assert.deepEqual(await names('query=nothing'), []);
  const page = (await other.get('/products?sort=name&page=2&page_size=2')).body;
  assert.deepEqual([namesOf(page.items), page.total], [['Ceylon'], 3]);
  assert.equal((await other.get('/products?page=9')).body.total, 3);
  assert.equal((await other.get('/products?sort=colour')).status, 422);
});

test('a product that has not changed is 304, and one that has is read anew at once', async () => {
  const { id } = await make({ name: 'Cached' });
  const path = `/products/${id}`;
  const first = await me.get(path);
  const etag = first.headers.get('etag') ?? '';
  assert.equal(first.headers.get('cache-control'), 'private, no-cache');
  const again = await me.get(path, { headers: { 'if-none-match': etag } });
  assert.deepEqual([again.status, again.body, again.headers.get('etag')], [304, '', etag]);
  await me.patch(path, { name: 'Changed' });
  const fresh = await me.get(path, { headers: { 'if-none-match': etag } });
  assert.deepEqual([fresh.status, fresh.body.name], [200, 'Changed']);
});

test('reads come from the cache, and an event from elsewhere drops what it holds', async () => {
  const { id } = await make({ name: 'Before' });
  const path = `/products/${id}`;
  await me.get(path);
  const write = (name: string) =>
    world.db.inSystemTx((tx) =>
      tx.run(sql`update products set name = ${name}, version = version + 1 where id = ${id}`),
    );
  await write('Behind its back');
  assert.equal((await me.get(path)).body.name, 'Before', 'nobody was told, so the cache stands');
  // As another process would change it: the event alone tells this one.
  await me.patch(path, { name: 'After' });
  await me.get(path);
  await write('Behind its back');
  await world.app.db.inTx(me.ctx, async (tx) => {
    await tx.run(sql`update product_stock set revision = revision + 1 where product_id = ${id}`);
    append(tx, productChanged, {
      stream: `products/${id}`,
      subject: id,
      data: { ...productChanged.example, product_id: id, revision: 3 },
    });
  });
  await world.settle();
  assert.equal((await me.get(path)).body.name, 'Behind its back');
});

test('changes are announced with what they changed', async () => {
  const { id } = await make({ sku: 'EV' });
  await me.patch(`/products/${id}`, { stock: 3 });
  await me.delete(`/products/${id}`);
  await world.settle();
  const { items } = (await me.get(`/events?stream=products/${id}`)).body;
  assert.deepEqual(
    items.map(({ type, data }: { type: string; data: { change: string; stock: number; version: number } }) => [
      type,
      data.change,
      data.stock,
      data.version,
    ]),
    [
      ['product_changed', 'archived', 3, 3],
      ['product_changed', 'updated', 3, 2],
      ['product_changed', 'created', 0, 1],
    ],
  );
});

test('another tenant finds nothing of it, in the cache or elsewhere', async () => {
  const { id } = await make({ name: 'Secret tea' });
  await me.get(`/products/${id}`);
  const other = await world.signUp();
  assert.equal((await other.get(`/products/${id}`)).status, 404);
  assert.equal((await other.patch(`/products/${id}`, { name: 'Mine' })).status, 404);
  assert.equal((await other.delete(`/products/${id}`)).status, 404);
  assert.equal((await other.get('/products?query=secret')).body.total, 0);
  assert.equal((await me.get(`/products/${id}`)).body.name, 'Secret tea');
});

test('who may only read reads', async () => {
  const { id } = await make();
  const viewer = await world.apiKey(me, ['viewer']);
  assert.equal((await viewer.get(`/products/${id}`)).status, 200);
  assert.equal((await viewer.patch(`/products/${id}`, { name: 'x' })).status, 403);
  assert.equal((await (await world.apiKey(me, ['operator'])).patch(`/products/${id}`, { stock: 1 })).status, 200);
});
