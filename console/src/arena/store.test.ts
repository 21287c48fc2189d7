import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Parley } from '@parley/sdk';
import { cut, json, logged, scripted } from '../../../sdk/typescript/test/server.ts';
import { Arena } from './store.ts';

type Table = { version: number; status: string; messages: number; turns: number; cursor: string };

/** A server that holds one discussion; what it says is in the test's hands. */
async function table(t: Parameters<typeof scripted>[0], kept: Table) {
  const streams: { write(frame: string): void; destroy(): void }[] = [];
  const asked: string[] = [];
  let down = false;
  const message = (seq: number) => ({
    id: `m${seq}`,
    seq,
    turn: seq,
    content: `Words ${seq}`,
    author: { kind: 'agent', participant_id: 'p' },
    metadata: {},
  });
  const { baseUrl, seen } = await scripted(t, [
    (response, request) => {
      const url = new URL(request.url, 'http://x');
      const path = url.pathname.replace('/api/v1/discussions/d', '');
      asked.push(path + url.search);
      if (down) return cut(response, request);
      if (path === '/events') {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('retry: 100\n\n');
        streams.push(response);
        t.after(() => response.destroy());
        return;
      }
      const number = (name: string, otherwise: number): number => Number(url.searchParams.get(name) ?? otherwise);
      const page = (last: number, [after, before]: [number, number]): number[] => {
        const all = Array.from({ length: last }, (_, i) => i + 1).filter((n) => n > after && n < before);
        const limit = number('limit', 50);
        return before === Infinity ? all.slice(0, limit) : all.slice(-limit);
      };
      if (path === '/messages') {
        const items = page(kept.messages, [number('after_seq', 0), number('before_seq', Infinity)]);
        return json(200, { items: items.map(message), next_cursor: null })(response, request);
      }
      if (path === '/turns') {
        const items = page(kept.turns, [number('after_turn', 0), number('before_turn', Infinity)]);
        const more = url.searchParams.has('before_turn') && (items[0] ?? 1) > 1;
        const turn = (n: number) => ({ turn: n, status: 'completed', ended_at: n < kept.turns ? 'then' : null });
        return json(200, { items: items.map(turn), next_cursor: more ? 'more' : null })(response, request);
      }
      return json(200, { id: 'd', participants: [], next_speaker: null, ...kept, turn: kept.turns })(response, request);
    },
  ]);
  const arena = new Arena(new Parley({ baseUrl, apiKey: 'k' }), 'd', (flush) => setImmediate(flush));
  t.after(() => arena.stop());
  const until = (check: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const leave = arena.subscribe(look);
      function look(): void {
        if (!check()) return;
        leave();
        resolve();
      }
      look();
    });
  const setDown = (value: boolean): void => {
    down = value;
  };
  return { arena, asked, seen, streams, until, setDown };
}

const seqs = (arena: Arena): number[] => arena.state().messages.map(({ seq }) => seq);

test('a snapshot first, then what the log says, fetched after the last message known', async (t) => {
  const kept = { version: 1, status: 'running', messages: 2, turns: 2, cursor: 'e1.5' };
  const { arena, asked, seen, streams, until } = await table(t, kept);
  void arena.start();
  await until(() => arena.state().connection.state === 'open');
  assert.deepEqual(seqs(arena), [1, 2]);
  assert.equal(seen.find(({ url }) => url.endsWith('/events'))?.headers['last-event-id'], 'e1.5');
  Object.assign(kept, { version: 2, messages: 3, turns: 3 });
  streams[0]?.write(logged(6, 'message_posted', { seq: 3, turn: 3 }));
  await until(() => arena.state().discussion?.version === 2);
  assert.deepEqual(seqs(arena), [1, 2, 3]);
  assert(asked.includes('/messages?limit=100&after_seq=2'));
  assert.equal(arena.state().turns.length, 3);
});

test('a lost server is said, and what was missed is there when it is back', async (t) => {
  const kept = { version: 1, status: 'running', messages: 1, turns: 1, cursor: 'e1.5' };
  const { arena, streams, until, setDown } = await table(t, kept);
  void arena.start();
  await until(() => arena.state().connection.state === 'open');
  setDown(true);
  streams[0]?.destroy();
  await until(() => arena.state().connection.state === 'reconnecting');
  Object.assign(kept, { version: 4, messages: 3, turns: 3 });
  setDown(false);
  await until(() => arena.state().connection.state === 'open');
  streams[1]?.write(logged(6, 'message_posted', { seq: 2 }) + logged(7, 'message_posted', { seq: 3 }));
  await until(() => arena.state().messages.length === 3);
  assert.deepEqual(seqs(arena), [1, 2, 3]);
});

test('a reset reads everything anew, even if the server went back to an older version', async (t) => {
  const kept = { version: 9, status: 'running', messages: 5, turns: 250, cursor: 'e1.50' };
  const { arena, streams, until } = await table(t, kept);
  void arena.start();
  await until(() => arena.state().connection.state === 'open');
  assert.equal(arena.state().turns.length, 60);
  assert.equal(arena.state().olderTurns, 'more');
  Object.assign(kept, { version: 3, messages: 2, turns: 2 });
  streams[0]?.write(`event: reset\ndata: ${JSON.stringify({ cursor: 'e2.4', reason: 'epoch_changed' })}\n\n`);
  await until(() => arena.state().discussion?.version === 3);
  assert.deepEqual(seqs(arena), [1, 2]);
  assert.equal(arena.state().turns.length, 2);
});

test('only turns that had not ended are read again', async (t) => {
  const kept = { version: 1, status: 'running', messages: 1, turns: 150, cursor: 'e1.5' };
  const { arena, asked, streams, until } = await table(t, kept);
  void arena.start();
  await until(() => arena.state().connection.state === 'open');
  asked.length = 0;
  Object.assign(kept, { version: 2, turns: 151 });
  streams[0]?.write(logged(6, 'turn_started', { turn: 151, attempt: 1, participant_id: 'p' }));
  await until(() => arena.state().turns.at(-1)?.turn === 151);
  assert.deepEqual(
    asked.filter((path) => path.startsWith('/turns')),
    ['/turns?limit=100&after_turn=149'],
  );
  await arena.olderTurns();
  assert.equal(arena.state().turns[0]?.turn, 31);
});

test('of 10,000 messages the last page is read, and the one before when somebody goes there', async (t) => {
  const { arena, asked } = await table(t, {
    ...{ version: 1, status: 'completed', messages: 10_000, turns: 10_000, cursor: 'e1.5' },
  });
  await arena.start();
  assert.deepEqual([seqs(arena)[0], seqs(arena).at(-1), arena.state().older], [9941, 10_000, 'more']);
  assert.deepEqual([...asked].sort(), ['', '/messages?before_seq=10001&limit=60', '/turns?before_turn=10001&limit=60']);
  await arena.older();
  assert.deepEqual([seqs(arena)[0], seqs(arena).length], [9841, 160]);
  assert.equal(arena.state().asides.get(9841)?.turn, 9841, 'and why each was whose');
});

test('an old message is shown among its neighbours; from there it goes on to the end', async (t) => {
  const kept = { version: 1, status: 'running', messages: 500, turns: 500, cursor: 'e1.5' };
  const { arena, streams, until } = await table(t, kept);
  void arena.start();
  await until(() => arena.state().connection.state === 'open');
  await arena.show(100);
  assert.deepEqual([seqs(arena)[0], seqs(arena).at(-1)], [71, 130]);
  assert.deepEqual([arena.state().older, arena.state().newer], ['more', 'more']);
  Object.assign(kept, { version: 2, messages: 501 });
  streams[0]?.write(logged(6, 'message_posted', { seq: 501, turn: 501 }));
  await until(() => arena.state().discussion?.messages === 501);
  assert.equal(seqs(arena).at(-1), 130, 'what comes at the end is not put behind an older place');
  await arena.newer();
  assert.deepEqual([seqs(arena).at(-1), arena.state().newer], [230, 'more']);
  await arena.latest();
  assert.deepEqual([seqs(arena)[0], seqs(arena).at(-1), arena.state().newer], [442, 501, 'none']);
});

test('a discussion begins at the message that its address names', async (t) => {
  const { arena } = await table(t, { version: 1, status: 'completed', messages: 300, turns: 300, cursor: 'e1.5' });
  await arena.start(40);
  assert.deepEqual([seqs(arena)[0], seqs(arena).at(-1), arena.state().newer], [11, 70, 'more']);
});

test('a discussion that is over is not followed', async (t) => {
  const { arena, asked } = await table(t, { version: 1, status: 'completed', messages: 1, turns: 1, cursor: 'e1.5' });
  await arena.start();
  assert.equal(arena.state().loaded, true);
  assert(!asked.includes('/events'));
});

test('a refusal is thrown to whoever asked; a state that is none is told', async (t) => {
  const { baseUrl } = await scripted(t, [
    json(404, { error: { code: 'not_found', type: 'not_found', message: 'No.' } }),
  ]);
  const arena = new Arena(new Parley({ baseUrl, apiKey: 'k' }), 'd', (flush) => flush());
  await arena.start();
  assert.equal((arena.state().failure as { code: string }).code, 'not_found');
  await assert.rejects(arena.post('Hello'), { code: 'not_found' });
  await assert.rejects(arena.command('advance'), { code: 'not_found' });
});
