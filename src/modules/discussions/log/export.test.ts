import assert from 'node:assert/strict';
import { get, type IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { Compile } from 'typebox/compile';
import { makeAgents } from '../../../../test/support/discussions.ts';
import { createWorld, type Member, type World } from '../../../../test/support/world.ts';
import { dollars } from './markdown.ts';
import { DiscussionExport } from './schemas.ts';
import { entriesBetween } from './store.ts';

let world: World;
let me: Member;
let agents: { id: string; name: string }[];
before(async () => {
  world = await createWorld();
  me = await world.signUp();
  agents = await makeAgents(me, ['ada', 'ben']);
});
after(() => world.stop());

async function discussion(more: object = {}): Promise<string> {
  const participants = agents.map(({ id }) => ({ agent_id: id }));
  const asked = { topic: 'Tea or *coffee*?', participants, limits: { max_turns: 2 }, ...more };
  const { status, body } = await me.post('/discussions', asked);
  assert.equal(status, 201, JSON.stringify(body));
  await world.settle();
  return body.id;
}

test('as Markdown: title, participants, context, every message with why it was whose turn, sources, the end, the cost', async () => {
  const text = 'The bridge was closed in 1923. Its pillars had been eaten by salt water. A ferry runs in its place.';
  const id = await discussion({ topic: 'Should the *bridge* be rebuilt?', context: [{ title: 'On bridges', text }] });
  await me.post(`/discussions/${id}/messages`, { content: 'Too late' });
  const { status, headers, body } = await me.get(`/discussions/${id}/export?format=markdown`);
  assert.equal(status, 200);
  assert.equal(headers.get('content-type'), 'text/markdown; charset=utf-8');
  assert.equal(
    headers.get('content-disposition'),
    `attachment; filename="Should-the-bridge-be-rebuilt-${id.slice(-8)}.md"`,
  );
  const headings = (body as string).split('\n').filter((line) => line.startsWith('#'));
  assert.deepEqual(headings, [
    '# Should the \\*bridge\\* be rebuilt?',
    ...['## Participants', '## Context', '## Discussion', '### 1 · ada', '### 2 · ben'],
    ...['## How it ended', '## Tokens and cost'],
  ]);
  assert.match(body, /^- \*\*Status:\*\* completed$/m);
  assert.match(body, /^- \*\*ada\*\*, agent$/m);
  assert.match(body, /^- On bridges \(99 bytes\)$/m);
  assert.match(
    body,
    /^\*Turn 1 · 20.* UTC · First in order · `rehearsal` · a rehearsal, no language model( · [\d.]+ s)?\*$/m,
  );
  assert.match(body, /^\*Turn 2 · .* · Next in order after ada · /m);
  assert.match(body, /^Sources: \[\^1\]/m);
  assert.match(body, /^\[\^1\]: On bridges: “.+”$/m);
  assert.match(body, /^The discussion was completed after 2 turns and \d+ s: the limit of turns was reached\.$/m);
  assert.match(body, /^\| All \| {2}\| [\d,]+ \| [\d,]+ \| \$0\.00 \|$/m);
});

test('what people write cannot change the document around it', async () => {
  const participants = [{ user_id: me.userId }];
  const id = await discussion({ participants, start: false, topic: '# One\n\n```\n<script>' });
  const hostile = '# Mine\n\n[^1]: no\n</details><!--\n```\n## within a fence that stays open';
  await me.post(`/discussions/${id}/messages`, { content: hostile });
  const { body } = await me.get(`/discussions/${id}/export`);
  const headings = (body as string).split('\n').filter((line) => line.startsWith('#'));
  assert.equal(headings[0], '# \\# One');
  assert.deepEqual(headings.slice(1, 3), ['## Participants', '## Discussion']);
  assert.match(headings[3] as string, /^### 1 · /);
  assert.deepEqual(headings.slice(4), ['## How it stands', '## Tokens and cost']);
  const quoted =
    '> #### Mine\n>\n> \\[^1]: no\n> &lt;/details>&lt;!--\n>\n> ```\n> ## within a fence that stays open\n> ```';
  assert.ok(body.includes(`\n${quoted}\n`), body);
});

test('as JSON: everything, in the form that the contract tells', async () => {
  const id = await discussion({ policy: { type: 'vote' } });
  const { headers, body } = await me.get(`/discussions/${id}/export?format=json`);
  assert.equal(headers.get('content-type'), 'application/json; charset=utf-8');
  const check = Compile(DiscussionExport);
  assert.ok(check.Check(body), JSON.stringify([...check.Errors(body)].slice(0, 3)));
  const messages = (await me.get(`/discussions/${id}/messages`)).body.items;
  const turns = (await me.get(`/discussions/${id}/turns`)).body.items;
  type Exported = { kind: string; entry: number; id: string; content: string };
  const entries: Exported[] = body.entries;
  assert.deepEqual(
    entries.map(({ entry }) => entry),
    entries.map((_, index) => index + 1),
  );
  const said = entries.filter(({ kind }) => kind === 'message');
  assert.deepEqual(
    said.map((entry) => [entry.id, entry.content]),
    messages.map((message: Exported) => [message.id, message.content]),
  );
  assert.ok(entries.some(({ kind }) => kind === 'ballot'));
  assert.deepEqual(
    body.turns.map((turn: { turn: number; reason: string }) => [turn.turn, turn.reason]),
    turns.map((turn: { turn: number; reason: string }) => [turn.turn, turn.reason]),
  );
  const { cursor: _cursor, ...shown } = (await me.get(`/discussions/${id}`)).body;
  assert.deepEqual(body.discussion, shown);
});

test('a topic in any script names the file; what is asked for wrongly is refused', async () => {
  const id = await discussion({ topic: '茶\r\n"or" café', start: false });
  const { headers } = await me.get(`/discussions/${id}/export`);
  const tail = id.slice(-8);
  assert.equal(
    headers.get('content-disposition'),
    `attachment; filename="or-caf-${tail}.md"; filename*=UTF-8''${encodeURIComponent(`茶-or-café-${tail}.md`)}`,
  );
  assert.equal((await me.get(`/discussions/${id}/export?format=pdf`)).status, 422);
  assert.equal((await me.get('/discussions/01920000-0000-7000-8000-000000000000/export')).status, 404);
});

test('what a turn cost is told in digits that say something', () => {
  assert.deepEqual([0, 1, 412_000, 12_345_678, 250_000_000, 12_500_000_000].map(dollars), [
    ...['$0.00', '$0.000000001', '$0.00041', '$0.012', '$0.25', '$12.50'],
  ]);
});

/** A discussion of very many messages, put there at once. */
async function long(messages: number, characters: number): Promise<string> {
  const id = await discussion({ start: false });
  const author = { kind: 'user', participant_id: null, agent_id: null, user_id: me.userId, name: 'Ada' };
  await world.db.inTx(me.ctx, async (tx) => {
    await tx.run(sql`
      insert into discussion_entries (tenant_id, discussion_id, entry, id, kind, seq, turn, author, content, metadata, created_at)
      select ${me.tenantId}::uuid, ${id}::uuid, n, gen_random_uuid(), 'message', n, null, ${JSON.stringify(author)}::jsonb,
        n || repeat('x', ${characters}::int), '{}'::jsonb, now() from generate_series(1, ${messages}::int) n`);
    await tx.run(sql`
      update discussions set last_entry = ${messages}, last_seq = ${messages}
      where tenant_id = ${me.tenantId} and id = ${id}`);
  });
  return id;
}

function open(id: string, format: string): Promise<IncomingMessage> {
  const { authorization } = me;
  return new Promise((resolve, reject) => {
    const path = `${world.url}${world.prefix}/discussions/${id}/export?format=${format}`;
    get(path, { agent: false, headers: { authorization } }, resolve).once('error', reject);
  });
}

test('10,000 messages arrive whole, in both forms', async () => {
  const id = await long(10_000, 200);
  for (const format of ['markdown', 'json']) {
    const response = await open(id, format);
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk;
    assert.ok(response.complete);
    if (format === 'json') {
      const { entries } = JSON.parse(text);
      assert.deepEqual([entries.length, entries[0].seq, entries.at(-1).seq], [10_000, 1, 10_000]);
    } else assert.equal(text.match(/^### \d+ · Ada$/gm)?.length, 10_000);
  }
});

test('of long messages, fewer are in memory at once, and none is left out: exported, or heard anew by a fork', async () => {
  const id = await long(25, 250_000);
  const reader = world.db.reader(me.ctx);
  const page = await entriesBetween(reader, id, { after: 0, upTo: 25, limit: 100 });
  assert.deepEqual([page.at(0)?.entry, page.at(-1)?.entry], [1, 8]);
  const { entries } = (await me.get(`/discussions/${id}/export?format=json`)).body;
  assert.deepEqual([entries.length, entries.at(-1).entry, entries.at(-1).content.length], [25, 25, 250_002]);
  const more = { seq: 25, policy: { type: 'mention' }, start: false };
  const fork = (await me.post(`/discussions/${id}/fork`, more)).body;
  const copied = await reader.first<{ entries: number; chars: number }>(sql`
    select count(*) as entries, sum(length(content)) as chars from discussion_entries where discussion_id = ${fork.id}`);
  assert.deepEqual([copied?.entries, Number(copied?.chars)], [25, 25 * 250_000 + 9 + 16 * 2]);
});
