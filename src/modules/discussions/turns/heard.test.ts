import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveFrame, LiveTopic, LogEvent } from '../../../platform/realtime/hub.ts';
import { createElsewhere } from './heard.ts';

const TENANT = 'tenant';
const ID = 'one';

/** A register with a hub that is moved by hand. */
function stage() {
  const topic: { live?: LiveTopic } = {};
  const taps: { types: readonly string[]; fn: (event: LogEvent) => void }[] = [];
  const asked: string[] = [];
  const clock = { ms: 0 };
  const mine: LiveFrame = { event: 'turn_snapshot', data: 'mine' };
  const elsewhere = createElsewhere(
    {
      across: (_topic, live) => {
        topic.live = live;
      },
      ask: (_tenant, stream) => void asked.push(stream),
      tap: (types, fn) => {
        taps.push({ types, fn });
        return () => {};
      },
    },
    { snapshot: (id) => (id === 'mine' ? mine : undefined) },
    () => clock.ms,
  );
  const frame = (event: string, data: object) =>
    topic.live?.heard({ tenantId: TENANT, stream: `discussions/${ID}`, event, data: { discussion_id: ID, ...data } });
  const delta = (turn: number, attempt: number, offset: number, text: string) =>
    frame('message_delta', { turn, attempt, offset, text });
  const snapshot = (turn: number, attempt: number, text: string) =>
    frame('turn_snapshot', { turn, attempt, participant_id: 'ada', text });
  const told = (type: string, data: object) => {
    const event = { tenantid: TENANT, type, data: { discussion_id: ID, ...data } } as unknown as LogEvent;
    for (const { types, fn } of taps) if (types.includes(type)) fn(event);
  };
  const begin = (turn: number, attempt = 1) => told('turn_started', { turn, attempt, participant_id: 'ada' });
  const text = () => (elsewhere.snapshot(ID)?.data as { text: string } | undefined)?.text;
  return { elsewhere, topic, asked, clock, frame, delta, snapshot, told, begin, text };
}

test('who joins is told what was heard so far, of this attempt', () => {
  const { delta, begin, text, elsewhere, told } = stage();
  begin(1);
  assert.equal(text(), undefined, 'nothing was said yet');
  assert.equal(delta(1, 1, 0, 'Hello'), true);
  assert.equal(delta(1, 1, 5, ' world'), true);
  assert.deepEqual(elsewhere.snapshot(ID)?.data, {
    ...{ discussion_id: ID, turn: 1, attempt: 1, participant_id: 'ada', text: 'Hello world' },
  });
  assert.equal(elsewhere.text(ID, { turn: 1, attempt: 1 }), 'Hello world');
  assert.equal(elsewhere.text(ID, { turn: 1, attempt: 2 }), undefined);
  begin(1, 2);
  assert.equal(text(), undefined);
  assert.equal(delta(1, 1, 11, '!'), false, 'an attempt that was given up is heard no more');
  assert.equal(delta(1, 2, 0, 'Anew'), true);
  told('message_posted', { turn: null });
  assert.equal(text(), 'Anew', 'a message in between ends no turn');
  told('message_posted', { turn: 1 });
  assert.equal(text(), undefined);
});

test('words whose turn has not been announced wait for who speaks: who joins meanwhile misses none', () => {
  const { delta, begin, snapshot, asked, elsewhere, text } = stage();
  begin(1);
  delta(1, 1, 0, 'Hello');
  assert.equal(delta(2, 1, 0, 'Words'), false, 'turn 2 may be of somebody else');
  assert.deepEqual(asked, ['discussions/one']);
  assert.equal(text(), undefined);
  assert.equal(snapshot(2, 1, 'Words and more'), true);
  begin(2);
  assert.equal(delta(2, 1, 14, ' words'), true);
  assert.deepEqual(elsewhere.snapshot(ID)?.data, {
    ...{ discussion_id: ID, turn: 2, attempt: 1, participant_id: 'ada', text: 'Words and more words' },
  });
});

test('a hole is not shown: whoever speaks is asked, and it goes on behind the answer', () => {
  const { delta, begin, text, asked, clock, snapshot } = stage();
  begin(1);
  delta(1, 1, 0, 'One');
  assert.equal(delta(1, 1, 8, 'three'), false);
  assert.deepEqual(asked, ['discussions/one']);
  assert.equal(delta(1, 1, 13, 'four'), false);
  assert.equal(asked.length, 1, 'asked once');
  assert.equal(text(), undefined, 'what has a hole is no snapshot');
  clock.ms += 250;
  delta(1, 1, 17, 'five');
  assert.equal(asked.length, 2, 'and again, where nobody answered');
  assert.equal(snapshot(1, 1, 'One two three four five'), true);
  assert.equal(delta(1, 1, 19, 'five'), false, 'that was in the snapshot');
  assert.equal(delta(1, 1, 23, ' six'), true);
  assert.equal(text(), 'One two three four five six');
  assert.equal(snapshot(1, 1, 'One two'), false, 'who has all of it needs no snapshot');
});

test('a process that comes in the middle of a turn asks for what it has missed', () => {
  const { delta, asked, snapshot, text } = stage();
  assert.equal(delta(3, 1, 40, 'late'), false);
  assert.deepEqual(asked, ['discussions/one']);
  assert.equal(snapshot(3, 1, 'x'.repeat(44)), true);
  assert.equal(text()?.length, 44);
});

test('a restart is passed on, once', () => {
  const { begin, frame, delta, text } = stage();
  begin(1);
  delta(1, 1, 0, 'One');
  assert.equal(frame('turn_restarted', { turn: 1, attempt: 2 }), true);
  delta(1, 2, 0, 'Two');
  assert.equal(text(), 'Two');
  assert.equal(frame('turn_restarted', { turn: 1, attempt: 1 }), false);
});

test('asked by others, it tells what is said here', () => {
  const { topic } = stage();
  assert.equal(topic.live?.state(TENANT, 'discussions/mine')?.data, 'mine');
  assert.equal(topic.live?.state(TENANT, 'discussions/other'), undefined);
});
