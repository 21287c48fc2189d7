import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConnectionState, type DiscussionEvent, type FollowOptions, Parley } from '../src/index.ts';
import { cut, error, json, live, logged, scripted, sse } from './server.ts';

/** Follows until `count` events have come. */
async function follow(baseUrl: string, count: number, options: FollowOptions = {}): Promise<DiscussionEvent[]> {
  const client = new Parley({ baseUrl, apiKey: 'k' });
  const events: DiscussionEvent[] = [];
  for await (const event of client.discussions.events('d', options)) {
    events.push(event);
    if (events.length === count) break;
  }
  return events;
}

test('events of the log have a cursor and their data, live ones have none', async (t) => {
  const { baseUrl, seen } = await scripted(t, [
    sse(
      [': hello\n\n', logged(4, 'turn_started', { turn: 1 }), live('message_delta', { offset: 0, text: 'Hé 👋' })],
      'hang',
    ),
  ]);
  const [started, delta] = await follow(baseUrl, 2, { cursor: 'e1.3' });
  assert.equal(seen[0]?.headers['last-event-id'], 'e1.3');
  assert.deepEqual(started, {
    ...{ type: 'turn_started', cursor: 'e1.4', id: 'event-4', time: '2026-11-21T10:00:00.000Z' },
    data: { discussion_id: 'd', turn: 1 },
  });
  assert.deepEqual(delta, {
    ...{ type: 'message_delta', cursor: undefined },
    data: { discussion_id: 'd', turn: 1, attempt: 1, offset: 0, text: 'Hé 👋' },
  });
});

test('a broken stream is resumed after the last event, and what is sent again is dropped', async (t) => {
  const { baseUrl, seen } = await scripted(t, [
    sse(['retry: 100\n\n', logged(1, 'discussion_started'), logged(2, 'turn_started')], 'cut'),
    cut,
    error(503, 'unavailable'),
    sse([logged(2, 'turn_started'), logged(3, 'message_posted')], 'end'),
    sse([logged(4, 'discussion_completed')], 'hang'),
  ]);
  const states: ConnectionState[] = [];
  const events = await follow(baseUrl, 4, { onConnection: (state) => states.push(state) });
  assert.deepEqual(
    events.map(({ cursor }) => cursor),
    ['e1.1', 'e1.2', 'e1.3', 'e1.4'],
  );
  assert.deepEqual(
    seen.map(({ headers }) => headers['last-event-id']),
    [undefined, 'e1.2', 'e1.2', 'e1.2', 'e1.3'],
  );
  assert.deepEqual(
    states.map(({ state }) => state),
    ['connecting', 'open', 'reconnecting', 'reconnecting', 'reconnecting', 'open', 'reconnecting', 'open'],
  );
  const failed = states[2];
  assert(failed?.state === 'reconnecting' && failed.error?.code === 'connection_failed');
});

test('a frame cut in its middle is not half an event', async (t) => {
  const { baseUrl } = await scripted(t, [
    sse(['retry: 100\n\n', logged(1, 'turn_started'), logged(2, 'message_posted').slice(0, 60)], 'cut'),
    sse([logged(2, 'message_posted', { seq: 1 })], 'hang'),
  ]);
  const events = await follow(baseUrl, 2);
  assert.deepEqual(
    events.map(({ cursor }) => cursor),
    ['e1.1', 'e1.2'],
  );
});

test('a reset is handed on, and the stream goes on from the cursor it names', async (t) => {
  const reset = `event: reset\ndata: ${JSON.stringify({ cursor: 'e2.1', reason: 'epoch_changed' })}\n\n`;
  const { baseUrl, seen } = await scripted(t, [
    sse(['retry: 100\n\n', logged(9, 'turn_started'), reset], 'end'),
    sse([logged(2, 'message_posted', {}, 'e2')], 'hang'),
  ]);
  const events = await follow(baseUrl, 3, { cursor: 'e1.8' });
  assert.deepEqual(
    events.map(({ type, cursor }) => [type, cursor]),
    [
      ['turn_started', 'e1.9'],
      ['reset', 'e2.1'],
      ['message_posted', 'e2.2'],
    ],
  );
  assert.equal(seen[1]?.headers['last-event-id'], 'e2.1');
});

test('a stream that goes silent is taken for dead and opened anew', async (t) => {
  const { baseUrl, seen } = await scripted(t, [
    sse(['retry: 100\n\n', logged(1, 'turn_started')], 'hang'),
    sse([logged(2, 'message_posted')], 'hang'),
  ]);
  const states: ConnectionState[] = [];
  const events = await follow(baseUrl, 2, { idleMs: 60, onConnection: (state) => states.push(state) });
  assert.equal(events.length, 2);
  assert.equal(seen.length, 2);
  assert(states.some((state) => state.state === 'reconnecting' && state.error?.code === 'stream_stalled'));
});

test('what a new try cannot mend is thrown', async (t) => {
  const { baseUrl } = await scripted(t, [error(404, 'not_found', { type: 'not_found' })]);
  await assert.rejects(follow(baseUrl, 1), { code: 'not_found', status: 404 });
});

test('aborting ends the iteration quietly, also while it waits to reconnect', async (t) => {
  const { baseUrl } = await scripted(t, [sse([logged(1, 'turn_started')], 'hang'), cut]);
  const controller = new AbortController();
  const events: DiscussionEvent[] = [];
  const client = new Parley({ baseUrl, apiKey: 'k' });
  for await (const event of client.discussions.events('d', { signal: controller.signal })) {
    events.push(event);
    controller.abort();
  }
  assert.equal(events.length, 1);
  const waiting = new AbortController();
  const onConnection = ({ state }: ConnectionState): void => {
    if (state === 'reconnecting') waiting.abort();
  };
  for await (const event of client.discussions.events('d', { signal: waiting.signal, onConnection }))
    events.push(event);
  assert.equal(events.length, 1);
});

test('an agent is streamed piece by piece, and ends with the whole', async (t) => {
  const frame = (event: string, data: object): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
  const { baseUrl, seen } = await scripted(t, [
    sse([
      frame('delta', { offset: 0, text: 'Yes' }),
      frame('delta', { offset: 3, text: '.' }),
      frame('done', { content: 'Yes.' }),
    ]),
    sse([
      frame('delta', { offset: 0, text: 'Ye' }),
      frame('error', { error: { code: 'model_timeout', type: 'upstream', message: 'Late.' } }),
    ]),
    sse([frame('delta', { offset: 0, text: 'Ye' })]),
    error(422, 'model_context_length', { type: 'invalid_request' }),
    json(200, {}),
  ]);
  const client = new Parley({ baseUrl, apiKey: 'k' });
  const ask = async (): Promise<string[]> => {
    const types: string[] = [];
    for await (const event of client.agents.stream('a', { input: 'Is it?' })) {
      types.push(event.type === 'delta' ? event.text : event.content);
    }
    return types;
  };
  assert.deepEqual(await ask(), ['Yes', '.', 'Yes.']);
  assert.deepEqual(JSON.parse(String(seen[0]?.body)), { input: 'Is it?' });
  await assert.rejects(ask(), { code: 'model_timeout', type: 'upstream', message: 'Late.' });
  await assert.rejects(ask(), { code: 'connection_failed', message: 'The answer broke off.' });
  await assert.rejects(ask(), { code: 'model_context_length', status: 422 });
});
