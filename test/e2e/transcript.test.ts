import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Parley } from '@parley/sdk';
import { type RealServer, realServer } from './support.ts';

const TURNS = 4;
/** Killed in this turn, once it has said so much. */
const FATAL = { turn: 2, length: 40 };

let server: RealServer;
before(async () => {
  server = await realServer();
  await server.start();
});
after(() => server.stop());

test('a transcript tells every word and every message once, though the server is killed in the middle', async () => {
  const parley = new Parley({ baseUrl: `${server.url}/api/v1` });
  await parley.auth.signUp({
    ...{ email: 'transcript@example.com', password: 'a long walk to the harbour', tenant_name: 'T', name: 'Grace' },
  });
  const participants = [];
  for (const name of ['ada', 'bruno'])
    participants.push({ agent_id: (await parley.agents.create({ name, model: 'rehearsal' })).id });
  const discussion = await parley.discussions.create({
    ...{ topic: 'What lasts?', participants, limits: { max_turns: TURNS } },
  });

  const heard = new Map<number, string>();
  const told: { seq: number; turn: number | null; content: string }[] = [];
  let began = 0;
  let again = 0;
  let killed = false;
  let ending = '';
  for await (const part of parley.discussions.transcript(discussion)) {
    if (part.type === 'turn') {
      heard.set(part.turn, '');
      if (part.again) again += 1;
      else began += 1;
    }
    if (part.type === 'text') {
      heard.set(part.turn, (heard.get(part.turn) ?? '').slice(0, part.from) + part.delta);
      assert.equal(heard.get(part.turn), part.text, 'the pieces are the text');
      if (!killed && part.turn === FATAL.turn && part.text.length >= FATAL.length) {
        killed = true;
        await server.kill();
        await server.start();
      }
    }
    if (part.type === 'message') told.push(part.message);
    if (part.type === 'ended') ending = `${part.status} ${part.reason}`;
  }
  assert.equal(ending, 'completed max_turns');
  assert.deepEqual([killed, began], [true, TURNS]);
  assert(again > 0, 'the turn that was cut off is begun anew');
  const kept = await parley.discussions.messages(discussion.id).toArray();
  assert.deepEqual(told, kept, 'each message once, in order, as it was kept');
  assert.deepEqual(
    [...heard.values()],
    kept.map(({ content }) => content),
    'what was heard is what was said',
  );
});
