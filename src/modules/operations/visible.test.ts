import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createWorld, type World } from '../../../test/support/world.ts';

let world: World;
before(async () => {
  world = await createWorld();
});
after(() => world.stop());

test('who may not read the audit record sees nothing of the topic identity, in the list and live', async () => {
  const owner = await world.signUp();
  const { body: made } = await owner.post('/api-keys', { name: 'reader', scopes: ['events:read'] });
  const reader = world.as(made.key);
  await owner.post('/agents', { name: 'seen', instructions: 'x' });
  await world.settle();
  const types = async (who: typeof reader) =>
    new Set((await who.get('/events?limit=100')).body.items.map((item: { type: string }) => item.type));
  assert.ok((await types(owner)).has('api_key_created'));
  assert.deepEqual([...(await types(reader))], ['agent_registered']);
  assert.deepEqual((await reader.get('/events?type=api_key_created')).body.items, []);

  const { body } = await reader.get('/events?limit=1');
  const leave = new AbortController();
  const heard: string[] = [];
  const streams = await Promise.all(
    ['', '&types=api_key_created,agent_registered'].map((more) =>
      reader.open('GET', `/events/stream?cursor=${body.cursor}${more}`, undefined, { signal: leave.signal }),
    ),
  );
  await owner.post('/api-keys', { name: 'hidden', scopes: ['events:read'] });
  await owner.post('/agents', { name: 'heard', instructions: 'x' });
  for (const stream of streams) {
    const decoder = new TextDecoder();
    let text = '';
    for await (const piece of stream.body as ReadableStream<Uint8Array>) {
      text += decoder.decode(piece, { stream: true });
      if (text.includes('"heard"')) break;
    }
    heard.push(text);
  }
  leave.abort();
  for (const text of heard) assert.doesNotMatch(text, /api_key_created/);

  // Only what is hidden was asked for: the stream stays open and says nothing.
  const nothing = await reader.open('GET', `/events/stream?types=api_key_created&cursor=${body.cursor}`);
  assert.equal(nothing.status, 200);
  const first = await (nothing.body as ReadableStream<Uint8Array>).getReader().read();
  assert.match(new TextDecoder().decode(first.value), /^retry: \d+\n\n$/);
});
