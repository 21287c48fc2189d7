import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type DiscussionEvent, Parley, ParleyError } from '@parley/sdk';
import { createWorld, type World } from '../support/world.ts';

const TEXT = 'A strangler in front of the payments takes four weeks. Moving all of it takes eleven.';

suite('the SDK against the real server', () => {
  let world: World;
  let parley: Parley;
  before(async () => {
    world = await createWorld();
    const owner = await world.signUp();
    const { key } = await world.apiKey(owner, ['owner']);
    parley = new Parley({ baseUrl: world.url + world.prefix, apiKey: key });
  });
  after(() => world.stop());

  test('a person signs up, is renewed, changes nothing by being asked twice, and signs out', async () => {
    const client = new Parley({ baseUrl: world.url + world.prefix });
    const made = await client.auth.signUp({
      ...{ email: 'sdk@example.com', password: 'a long walk to the harbour', tenant_name: 'SDK', name: 'Grace' },
    });
    const me = await client.auth.me();
    assert.equal(me.user?.id, made.user.id);
    assert.deepEqual(me.roles, ['owner']);
    const [session] = await client.auth.sessions();
    assert.equal(session?.current, true);
    await client.auth.signOut();
    assert.equal(client.auth.signedIn, false);
    await assert.rejects(client.auth.me(), { status: 401, type: 'authentication' });
    await client.auth.signIn({ email: 'sdk@example.com', password: 'a long walk to the harbour' });
    assert.equal((await client.auth.me()).user?.email, 'sdk@example.com');
    const wrong = client.auth.signIn({ email: 'sdk@example.com', password: 'something else' });
    await assert.rejects(wrong, { code: 'invalid_grant', status: 400 });
  });

  test('agents: made, listed, changed by version, refused by field, archived, deleted', async () => {
    const ada = await parley.agents.create({ name: 'ada', instructions: 'Build.' });
    await parley.agents.create({ name: 'bruno' });
    const names: string[] = [];
    for await (const { name } of parley.agents.list()) names.push(name);
    assert.deepEqual(names.sort(), ['ada', 'bruno']);
    const changed = await parley.agents.update(ada.id, { instructions: 'Doubt.' }, { version: ada.version });
    assert.equal(changed.version, ada.version + 1);
    const stale = parley.agents.update(ada.id, { instructions: 'Late.' }, { version: ada.version });
    await assert.rejects(stale, { code: 'version_mismatch', status: 412 });
    const refused = await parley.agents
      .create({ name: 'x', parameters: { top_p: 7 } })
      .catch((error: unknown) => error);
    assert(refused instanceof ParleyError);
    assert.equal(refused.code, 'validation_failed');
    assert.deepEqual(
      refused.fields.map(({ field }) => field),
      ['parameters.top_p'],
    );
    assert.notEqual(refused.requestId, undefined);
    await assert.rejects(parley.agents.create({ name: 'ada' }), { code: 'already_exists', status: 409 });
    assert.equal((await parley.agents.archive(ada.id)).status, 'archived');
    assert.equal((await parley.agents.restore(ada.id)).status, 'active');
    await parley.agents.delete(ada.id, { version: (await parley.agents.get(ada.id)).version });
    await assert.rejects(parley.agents.get(ada.id), { code: 'not_found' });
  });

  test('the same Idempotency-Key makes one thing', async () => {
    const once = await parley.documents.create({ title: 'Once', text: TEXT }, { idempotencyKey: 'one' });
    const again = await parley.documents.create({ title: 'Once', text: TEXT }, { idempotencyKey: 'one' });
    assert.equal(again.id, once.id);
    const found = await parley.documents.list({ q: 'strangler' });
    assert.deepEqual([found.total, found.items[0]?.id], [1, once.id]);
    assert.match(found.items[0]?.snippet ?? '', /<mark>strangler<\/mark>/);
    assert.equal((await parley.documents.get(once.id)).text, TEXT);
  });

  test('an agent alone, whole and streamed, says the same', async () => {
    const agent = await parley.agents.create({ name: 'alone', parameters: { seed: 7 } });
    const input = { input: 'How long?', context: [{ title: 'Facts', text: TEXT }] };
    const whole = await parley.agents.invoke(agent.id, input);
    assert.equal(whole.rehearsal, true);
    let text = '';
    let ended = '';
    for await (const event of parley.agents.stream(agent.id, input)) {
      if (event.type === 'delta') {
        assert.equal(event.offset, text.length);
        text += event.text;
      } else ended = event.content;
    }
    assert.deepEqual([text, ended], [whole.content, whole.content]);
    const calls = await parley.generations.list({ agent_id: agent.id });
    assert.deepEqual(
      calls.items.map(({ status }) => status),
      ['succeeded', 'succeeded'],
    );
  });

  test('a discussion is followed from its snapshot to its end, and again from any place in it', async () => {
    const participants = [];
    for (const name of ['eve', 'finn']) participants.push({ agent_id: (await parley.agents.create({ name })).id });
    const discussion = await parley.discussions.create({
      ...{ topic: 'How long?', participants, context: [{ title: 'Facts', text: TEXT }], limits: { max_turns: 4 } },
    });
    const events: DiscussionEvent[] = [];
    const heard = new Map<number, string>();
    for await (const event of parley.discussions.events(discussion.id, { cursor: discussion.cursor })) {
      if (event.cursor !== undefined) events.push(event);
      if (event.type === 'message_delta')
        heard.set(event.data.turn, (heard.get(event.data.turn) ?? '') + event.data.text);
      if (event.type === 'discussion_completed') break;
    }
    const types = events.map(({ type }) => type).filter((type) => type !== 'discussion_started');
    assert.deepEqual(types, [
      ...Array.from({ length: 4 }, () => ['turn_started', 'message_posted']).flat(),
      'discussion_completed',
    ]);
    const messages = [];
    for await (const message of parley.discussions.messages(discussion.id)) messages.push(message);
    assert.deepEqual(
      messages.map(({ seq }) => seq),
      [1, 2, 3, 4],
    );
    for (const { turn, content } of messages) {
      const part = heard.get(turn ?? 0);
      if (part !== undefined)
        assert(content.endsWith(part) || content.startsWith(part), 'what was heard is what was said');
    }
    const middle = events[3]?.cursor ?? '';
    const rest: (string | undefined)[] = [];
    for await (const event of parley.discussions.events(discussion.id, { cursor: middle })) {
      rest.push(event.cursor);
      if (event.type === 'discussion_completed') break;
    }
    assert.deepEqual(
      rest,
      events.slice(4).map(({ cursor }) => cursor),
    );
    const turns = [];
    for await (const turn of parley.discussions.turns(discussion.id)) turns.push(turn.name);
    assert.deepEqual(turns, ['eve', 'finn', 'eve', 'finn']);
    assert.equal((await parley.discussions.get(discussion.id)).status, 'completed');
    await assert.rejects(parley.discussions.pause(discussion.id), { code: 'conflict' });
  });
});
