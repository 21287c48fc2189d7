import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { createWorld, type Member, type World } from '../../../test/support/world.ts';

let world: World;
let me: Member;
before(async () => {
  world = await createWorld();
  me = await world.signUp();
});
after(() => world.stop());

const keep = async (title: string, text: string) => (await me.post('/documents', { title, text })).body;

test('a document is kept, read, changed with If-Match, and deleted', async () => {
  const made = await me.post('/documents', {
    title: 'Tea',
    text: 'Leaves and\nhot water ☕',
    metadata: { year: 2026 },
  });
  assert.equal(made.status, 201);
  assert.equal(made.body.bytes, Buffer.byteLength('Leaves and\nhot water ☕'));
  assert.equal(made.body.words, 5);
  assert.equal(made.body.text, undefined);
  assert.equal(made.headers.get('etag'), '"1"');
  const path = `/documents/${made.body.id}`;
  assert.equal((await me.get(path)).body.text, 'Leaves and\nhot water ☕');

  assert.equal((await me.patch(path, { title: 'Tee' })).status, 428);
  const changed = await me.patch(path, { text: 'Cold water' }, { headers: { 'if-match': '"1"' } });
  assert.deepEqual([changed.status, changed.body.version, changed.body.words], [200, 2, 2]);
  assert.equal(changed.body.title, 'Tea');
  const stale = await me.patch(path, { title: 'Tee' }, { headers: { 'if-match': '"1"' } });
  assert.deepEqual([stale.status, stale.body.error.code], [412, 'version_mismatch']);
  assert.equal((await me.patch(path, {}, { headers: { 'if-match': '"2"' } })).status, 422);

  assert.equal((await me.delete(path)).status, 204);
  assert.equal((await me.delete(path)).status, 404);
  assert.equal((await me.get(path)).status, 404);
});

test('a text is at most 1 MiB of UTF-8, and the error names the field', async () => {
  const whole = await me.post('/documents', { title: 'Full', text: 'x'.repeat(1_048_576) });
  assert.equal(whole.status, 201);
  const characters = await me.post('/documents', { title: 'Over', text: 'x'.repeat(1_048_577) });
  assert.deepEqual([characters.status, characters.body.error.details.fields[0].field], [422, 'text']);
  const bytes = await me.post('/documents', { title: 'Over', text: '☕'.repeat(400_000) });
  assert.deepEqual([bytes.status, bytes.body.error.details.fields[0].field], [422, 'text']);
  const escaped = await me.post('/documents', `{"title":"Escaped","text":"${'\\u0001'.repeat(1_048_576)}"}`);
  assert.equal(escaped.status, 201);
  const nul = await me.post('/documents', '{"title":"x","text":"a\\u0000b"}');
  assert.equal(nul.status, 422);
  await Promise.all([whole, escaped].map(({ body }) => me.delete(`/documents/${body.id}`)));
});

test('a text of a hundred thousand different words is kept, and its beginning is found', async () => {
  const words = Array.from({ length: 100_000 }, (_, index) => `w${index.toString(36)}q`);
  const made = await keep('Dictionary', words.join(' '));
  const found = await me.get('/documents?q=w1q');
  assert.deepEqual(
    found.body.items.map((item: { id: string }) => item.id),
    [made.id],
  );
  await me.delete(`/documents/${made.id}`);
});

test('a search is ranked, by stems and by exact words, and its snippet is safe HTML', async () => {
  const much = await keep('Brewing', 'Brewing tea. Brew tea again. Tea is brewed <b>hot</b> & strong.');
  const little = await keep('Cooking', `${'Something else entirely. '.repeat(200)} And once, somebody brewed a pot.`);
  await keep('Nothing', 'Of no interest.');
  const found = (await me.get('/documents?q=brew')).body;
  assert.deepEqual(
    found.items.map((item: { id: string }) => item.id),
    [much.id, little.id],
  );
  assert.equal(found.total, 2);
  assert.match(found.items[0].snippet, /<mark>Brew/);
  assert.doesNotMatch(found.items[0].snippet, /<(?!\/?mark>)/, 'no other tag');
  assert.match(found.items[1].snippet, /<mark>brewed<\/mark> a pot/, 'the passage, not the beginning');

  const exact = (await me.get(`/documents?q=${encodeURIComponent('"brewed a pot"')}`)).body;
  assert.deepEqual(
    exact.items.map((item: { id: string }) => item.id),
    [little.id],
  );
  const without = (await me.get(`/documents?q=${encodeURIComponent('brew -strong')}`)).body;
  assert.deepEqual(
    without.items.map((item: { id: string }) => item.id),
    [little.id],
  );
  const second = (await me.get('/documents?q=brew&page=2&page_size=1')).body;
  assert.deepEqual([second.items.length, second.total, second.page], [1, 2, 2]);
});

test('any text is a valid query', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }), async (q) => {
      const { status } = await me.get(`/documents?q=${encodeURIComponent(q.toWellFormed())}`);
      assert.ok(status === 200 || (status === 422 && q.includes('\0')), `${status} for ${JSON.stringify(q)}`);
    }),
    { numRuns: 60 },
  );
  for (const q of ["'", '"', '\\', ':*', '! & |', '<->', '-', 'a:b:c', '()', "';drop table documents", '%', 'the'])
    assert.equal((await me.get(`/documents?q=${encodeURIComponent(q)}`)).status, 200, q);
});

test('the list is paged, newest first', async () => {
  const other = await world.signUp();
  for (const title of ['first', 'second', 'third']) await other.post('/documents', { title, text: 'x' });
  const page = (await other.get('/documents?page_size=2')).body;
  assert.deepEqual(
    page.items.map((item: { title: string }) => item.title),
    ['third', 'second'],
  );
  assert.deepEqual([page.total, page.page, page.page_size], [3, 1, 2]);
  const beyond = (await other.get('/documents?page=9&page_size=2')).body;
  assert.deepEqual([beyond.items, beyond.total], [[], 3]);
});

test('another tenant finds nothing of it', async () => {
  const { id } = await keep('Secret', 'The password of the vault is xyzzy.');
  const other = await world.signUp();
  const headers = { 'if-match': '*' };
  assert.equal((await other.get(`/documents/${id}`)).status, 404);
  assert.equal((await other.patch(`/documents/${id}`, { title: 'Mine' }, { headers })).status, 404);
  assert.equal((await other.delete(`/documents/${id}`)).status, 404);
  assert.equal((await other.get('/documents?q=xyzzy')).body.total, 0);
});
