import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DiscussionEvent, Parley, type TranscriptPart } from '../src/index.ts';
import { type TranscriptSource, transcript } from '../src/transcript.ts';
import type { Discussion, Message } from '../src/types.ts';
import { json, logged, scripted, sse } from './server.ts';

/** A discussion on paper: its messages, and the events that a reader gets. */
class Script implements TranscriptSource {
  readonly snapshots: Discussion[];
  readonly said: Message[] = [];
  readonly #events: DiscussionEvent[];
  readonly reads: [number, number][] = [];

  constructor(events: DiscussionEvent[], ...snapshots: Partial<Discussion>[]) {
    this.#events = events;
    const fresh = { status: 'running', status_reason: null, messages: 0, turn: 1, next_speaker: null, cursor: 'e1.0' };
    this.snapshots = [{}, ...snapshots].map((more) => ({ ...fresh, ...more }) as Discussion);
  }

  says(turn: number | null, content: string): this {
    this.said.push({ seq: this.said.length + 1, turn, content } as Message);
    return this;
  }

  async get(): Promise<Discussion> {
    const [snapshot] = this.snapshots.splice(0, 1);
    assert(snapshot);
    return snapshot;
  }
  async *messages(after: number, upTo: number): AsyncGenerator<Message> {
    this.reads.push([after, upTo]);
    yield* this.said.filter(({ seq }) => seq > after);
  }
  async *events(): AsyncGenerator<DiscussionEvent> {
    yield* this.#events;
  }

  /** What is told, a word for each part. */
  async told(afterSeq = 0): Promise<string[]> {
    this.snapshots.shift();
    const snapshot = await this.get();
    const words: string[] = [];
    for await (const part of transcript(this, { snapshot, afterSeq })) words.push(word(part));
    return words;
  }
}

function word(part: TranscriptPart): string {
  switch (part.type) {
    case 'turn':
      return `${part.again ? 'again' : 'turn'} ${part.turn} ${part.name}`;
    case 'text':
      assert.equal(part.text, part.text.slice(0, part.from) + part.delta);
      return `+${part.from}:${part.delta}`;
    case 'message':
      return `message ${part.message.seq}`;
    case 'ended':
      return `ended ${part.status} ${part.reason}`;
    default:
      return part.type;
  }
}

const event = (type: string, data: object): DiscussionEvent =>
  ({ type, cursor: 'c', data }) as unknown as DiscussionEvent;
const started = (turn: number, attempt = 1): DiscussionEvent =>
  event('turn_started', { turn, attempt, participant_id: 'p', name: 'ada', kind: 'agent', reason: 'First.' });
const delta = (turn: number, offset: number, text: string, attempt = 1): DiscussionEvent =>
  event('message_delta', { turn, attempt, offset, text });
const posted = (turn: number | null, seq: number): DiscussionEvent => event('message_posted', { turn, seq });
const completed = event('discussion_completed', { status: 'completed', reason: 'max_turns' });
const ada = { participant_id: 'p', name: 'ada', kind: 'agent', reason: 'First.' } as const;

test('turns, their words, each message once, and the end', async () => {
  const script = new Script(
    [
      started(1),
      delta(1, 0, 'Yes'),
      delta(1, 3, '.'),
      posted(1, 1),
      posted(null, 2),
      started(2),
      posted(2, 3),
      completed,
    ],
    {},
  );
  script.says(1, 'Yes.').says(null, 'A question?').says(2, 'No.');
  assert.deepEqual(await script.told(), [
    ...['turn 1 ada', '+0:Yes', '+3:.', 'message 1', 'message 2'],
    ...['turn 2 ada', '+0:No.', 'message 3', 'ended completed max_turns'],
  ]);
  assert.deepEqual(script.reads, [
    [0, 1],
    [1, 2],
    [2, 3],
  ]);
});

test('words that were said while the reader was away come before the message', async () => {
  const events = [started(1), delta(1, 0, 'One '), posted(1, 1), completed];
  const script = new Script(events, {}).says(1, 'One two three.');
  assert.deepEqual(await script.told(), [
    'turn 1 ada',
    '+0:One ',
    '+4:two three.',
    'message 1',
    'ended completed max_turns',
  ]);
});

test('a turn that is begun anew voids its words, heard or missed', async () => {
  const heard = [started(1), delta(1, 0, 'Once'), started(1, 2), delta(1, 0, 'Twice', 2), posted(1, 1), completed];
  const told = ['turn 1 ada', '+0:Once', 'again 1 ada', '+0:Twice', 'message 1', 'ended completed max_turns'];
  assert.deepEqual(await new Script(heard, {}).says(1, 'Twice').told(), told);
  const missed = [started(1), delta(1, 0, 'Once'), posted(1, 1), completed];
  const whole = ['turn 1 ada', '+0:Once', '+0:Twice', 'message 1', 'ended completed max_turns'];
  assert.deepEqual(await new Script(missed, {}).says(1, 'Twice').told(), whole);
});

test('who joins in the middle of a turn gets what is there, who has the turn, and goes on', async () => {
  const events = [
    posted(1, 1),
    started(2),
    event('turn_snapshot', { turn: 2, attempt: 1, participant_id: 'p', text: 'So ' }),
    ...[delta(2, 3, 'what?'), posted(2, 2), completed],
  ];
  const script = new Script(events, { messages: 1, turn: 2, next_speaker: ada }).says(1, 'Yes.').says(2, 'So what?');
  assert.deepEqual(await script.told(), [
    'message 1',
    'turn 2 ada',
    '+0:So ',
    '+3:what?',
    'message 2',
    'ended completed max_turns',
  ]);
  const again = new Script(events, { messages: 1, turn: 2, next_speaker: ada }).says(1, 'Yes.').says(2, 'So what?');
  assert.equal((await again.told(1))[0], 'turn 2 ada', 'after_seq leaves out what is known');
});

test('a discussion that has ended is told and over; pauses, choices, skips and failures are told too', async () => {
  const ended = new Script([], { status: 'cancelled', status_reason: 'requested', messages: 1 }).says(1, 'Yes.');
  assert.deepEqual(await ended.told(), ['message 1', 'ended cancelled requested']);
  const about = { turn: 1, name: 'ada', participant_id: 'p' };
  const events = [
    event('choice_awaited', { turn: 1 }),
    started(1),
    event('turn_failed', { ...about, attempt: 1, code: 'model_timeout', retry_in_ms: null }),
    event('discussion_paused', { reason: 'model_timeout', by: null }),
    event('discussion_resumed', {}),
    started(1, 2),
    event('turn_skipped', { ...about, reason: 'advanced' }),
    event('something_new', {}),
    event('discussion_cancelled', {}),
  ];
  assert.deepEqual(await new Script(events, {}).told(), [
    ...['choice_awaited', 'turn 1 ada', 'failed', 'paused', 'resumed', 'again 1 ada', 'skipped'],
    'ended cancelled requested',
  ]);
});

test('after a reset everything comes anew, unless only old events are gone', async () => {
  const reset = (reason: string): DiscussionEvent => event('reset', { cursor: 'e2.1', reason });
  const after = { messages: 1, status: 'completed', status_reason: 'max_turns' } as const;
  const restored = new Script([started(1), posted(1, 1), reset('epoch_changed')], {}, after).says(1, 'Yes.');
  const begin = ['turn 1 ada', '+0:Yes.', 'message 1'];
  assert.deepEqual(await restored.told(), [...begin, 'reset', 'message 1', 'ended completed max_turns']);
  const trimmed = new Script([started(1), posted(1, 1), reset('trimmed')], {}, { ...after, messages: 2 });
  trimmed.says(1, 'Yes.').says(2, 'No.');
  assert.deepEqual(await trimmed.told(), [...begin, 'message 2', 'ended completed max_turns']);
});

test('aborting ends it quietly, and it begins from what create answered', async (t) => {
  const { baseUrl, seen } = await scripted(t, [
    sse([logged(1, 'turn_started', { turn: 1, attempt: 1, name: 'ada' })], 'hang'),
  ]);
  const discussion = { id: 'd', status: 'running', messages: 0, turn: 1, next_speaker: null, cursor: 'e1.0' };
  const leaving = new AbortController();
  const parts: string[] = [];
  const parley = new Parley({ baseUrl, apiKey: 'k' });
  for await (const { type } of parley.discussions.transcript(discussion as Discussion, { signal: leaving.signal })) {
    parts.push(type);
    leaving.abort();
  }
  assert.deepEqual(parts, ['turn']);
  assert.deepEqual([seen.length, seen[0]?.headers['last-event-id']], [1, 'e1.0']);
});

test('messages are read up to the one that was announced, and however long a server takes to come back', async (t) => {
  const { baseUrl, seen } = await scripted(t, [
    json(200, { id: 'd', status: 'running', messages: 0, turn: 1, next_speaker: null, cursor: 'e1.0' }),
    sse([logged(1, 'message_posted', { turn: null, seq: 1 }), logged(2, 'discussion_cancelled')], 'hang'),
    ...([(response) => void response.destroy(), (response) => void response.destroy()] as Parameters<
      typeof scripted
    >[1]),
    json(200, { items: [{ seq: 1, turn: null }], next_cursor: 'more' }),
  ]);
  const words: string[] = [];
  for await (const part of new Parley({ baseUrl, apiKey: 'k' }).discussions.transcript('d')) words.push(word(part));
  assert.deepEqual(words, ['message 1', 'ended cancelled requested']);
  assert.match(String(seen.at(-1)?.url), /limit=1&after_seq=0$/);
});
