import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Discussion, DiscussionEvent, Message } from '@parley/sdk';
import fc from 'fast-check';
import {
  type ArenaState,
  applyEvent,
  heard,
  initialState,
  type Live,
  onStage,
  withDelta,
  withDiscussion,
  withMessages,
  withOlder,
} from './state.ts';

const delta = (offset: number, text: string, attempt = 1, turn = 1) => ({ turn, attempt, offset, text });
const message = (seq: number, turn: number | null, kind: 'agent' | 'user' = 'agent'): Message => ({
  ...{ id: `m${seq}`, seq, turn, content: 'x', metadata: {}, usage: null },
  author: { kind, participant_id: 'p1', agent_id: null, user_id: null, name: 'ada' },
  ...{ time_to_first_token_ms: null, duration_ms: null, created_at: '2026-11-21T10:00:00.000Z' },
});
const discussion = (more: Partial<Discussion>): Discussion =>
  ({ version: 1, status: 'running', next_speaker: null, ...more }) as Discussion;
const event = (type: string, data: object): DiscussionEvent =>
  ({ type, cursor: 'e.1', id: 'i', time: '', data: { discussion_id: 'd', ...data } }) as unknown as DiscussionEvent;
const after = (state: ArenaState, ...events: DiscussionEvent[]): ArenaState =>
  events.reduce((current, one) => applyEvent(current, one, 0).state, state);

test('pieces in any order, repeated or overlapping, give the text once all are there', () => {
  const pieces = fc
    .string({ minLength: 1, maxLength: 60, unit: 'grapheme' })
    .chain((text) =>
      fc.tuple(
        fc.constant(text),
        fc.array(fc.tuple(fc.nat(text.length), fc.integer({ min: 1, max: 9 })), { maxLength: 10 }),
        fc.array(fc.nat(1000), { minLength: 40, maxLength: 40 }),
      ),
    );
  fc.assert(
    fc.property(pieces, ([text, extra, order]) => {
      const whole = [];
      for (let at = 0; at < text.length; at += 3) whole.push({ offset: at, text: text.slice(at, at + 3) });
      const more = extra.map(([at, length]) => ({ offset: at, text: text.slice(at, at + length) }));
      const sent = [...whole, ...more].map((piece, i) => ({ piece, rank: order[i % order.length] ?? 0 }));
      sent.sort((a, b) => a.rank - b.rank);
      let live: Live | undefined;
      for (const { piece } of sent) live = withDelta(live, delta(piece.offset, piece.text), 0);
      assert.equal(live?.text, text);
      assert.deepEqual(live?.ahead, []);
    }),
  );
});

test('a hole is shown as one, and filled by the snapshot of who joins again', () => {
  let state = after(initialState, event('message_delta', delta(0, 'One ')), event('message_delta', delta(8, 'three')));
  assert.equal(heard(state.live as Live), 'One  … three');
  state = after(state, event('turn_snapshot', { turn: 1, attempt: 1, participant_id: 'p1', text: 'One two ' }));
  assert.equal(heard(state.live as Live), 'One two three');
  assert.equal(state.live?.participantId, 'p1');
});

test('a snapshot that is behind what was heard takes nothing away', () => {
  const state = after(
    initialState,
    event('message_delta', delta(0, 'One two three')),
    event('turn_snapshot', { turn: 1, attempt: 1, participant_id: 'p1', text: 'One' }),
  );
  assert.equal(state.live?.text, 'One two three');
});

test('a new attempt begins anew, and an older one is not heard any more', () => {
  const state = after(
    initialState,
    event('turn_started', { turn: 1, attempt: 1, participant_id: 'p1', reason: 'First in order.' }),
    event('message_delta', delta(0, 'Wrong')),
    event('turn_restarted', { turn: 1, attempt: 2 }),
    event('message_delta', delta(5, ' again', 1)),
    event('message_delta', delta(0, 'Right', 2)),
  );
  assert.equal(state.live?.text, 'Right');
  assert.equal(state.live?.participantId, 'p1');
});

test('a live turn stays on the screen until its message is there', () => {
  let state = after(initialState, event('turn_started', { turn: 1, attempt: 1, participant_id: 'p1', reason: 'r' }));
  const posted = applyEvent(state, event('message_posted', { seq: 1, turn: 1 }), 0);
  assert.deepEqual(posted.stale, { messages: true, discussion: true, everything: false });
  assert.notEqual(posted.state.live, undefined);
  state = withMessages(posted.state, [message(1, 1)]);
  assert.equal(state.live, undefined);
  assert.equal(
    after(state, event('turn_started', { turn: 1, attempt: 1, participant_id: 'p1', reason: 'r' })).live,
    undefined,
  );
});

test('the next turn takes no word of the one before from the screen', () => {
  let state = after(
    initialState,
    event('turn_started', { turn: 1, attempt: 1, participant_id: 'p1', reason: 'r' }),
    event('message_delta', delta(0, 'Said')),
    event('message_posted', { seq: 1, turn: 1 }),
    event('turn_started', { turn: 2, attempt: 1, participant_id: 'p2', reason: 'r' }),
    event('message_delta', delta(0, 'And', 1, 2)),
  );
  assert.deepEqual(state.ended.map(heard), ['Said']);
  assert.equal(state.live?.text, 'And');
  state = withMessages(state, [message(1, 1)]);
  assert.deepEqual([state.ended.length, state.live?.text], [0, 'And']);
  const skipped = after(
    initialState,
    event('message_delta', delta(0, 'Cut')),
    event('turn_started', { turn: 2, attempt: 1, participant_id: 'p2', reason: 'r' }),
    event('turn_skipped', { turn: 1, reason: 'interrupted' }),
  );
  assert.equal(skipped.ended.length, 0);
});

test('a person who speaks between does not end the turn of an agent', () => {
  const speaking = after(initialState, event('message_delta', delta(0, 'I', 1, 3)));
  assert.notEqual(withMessages(speaking, [message(7, null, 'user')]).live, undefined);
});

test('messages are in order and there once, however often they are read', () => {
  // A page begins after a message that was the last when it was asked for; others may have come meanwhile.
  const page = fc.record({ behind: fc.nat({ max: 12 }), length: fc.nat({ max: 6 }) });
  fc.assert(
    fc.property(fc.array(page, { maxLength: 12 }), (pages) => {
      let end = 0;
      const state = pages.reduce((current, { behind, length }) => {
        const after = Math.max(0, (current.messages.at(-1)?.seq ?? 0) - behind);
        end = Math.max(end, after + length);
        const seqs = Array.from({ length }, (_, i) => after + 1 + i);
        return withMessages(
          current,
          seqs.map((seq) => message(seq, seq)),
        );
      }, initialState);
      const seqs = state.messages.map(({ seq }) => seq);
      assert.deepEqual(
        seqs,
        Array.from({ length: end }, (_, i) => i + 1),
      );
    }),
  );
});

test('an older page is put before the stretch only where it touches it', () => {
  const page = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => message(from + i, from + i));
  const stretch = withMessages(initialState, page(30, 40));
  const touching = withOlder(stretch, page(20, 29));
  assert.deepEqual([touching.messages[0]?.seq, touching.messages.length, touching.older], [20, 21, 'more']);
  assert.equal(withOlder(stretch, page(5, 10)), stretch);
  assert.equal(withOlder(touching, page(1, 19)).older, 'none');
});

test('a snapshot that was overtaken on its way is dropped, and one that is not running ends the live turn', () => {
  const state = after(withDiscussion(initialState, discussion({ version: 5 })), event('message_delta', delta(0, 'x')));
  assert.equal(withDiscussion(state, discussion({ version: 4, status: 'paused' })), state);
  assert.equal(withDiscussion(state, discussion({ version: 6, status: 'paused' })).live, undefined);
});

test('who is on stage: the speaker, else whoever is next', () => {
  const next = { participant_id: 'p2', name: 'bruno', kind: 'agent' as const, reason: 'Next in order after ada.' };
  const waiting = withDiscussion(initialState, discussion({ next_speaker: next }));
  assert.deepEqual(onStage(waiting), { participantId: 'p2', speaking: false, reason: next.reason });
  const speaking = after(waiting, event('turn_started', { turn: 2, attempt: 1, participant_id: 'p3', reason: 'r3' }));
  assert.deepEqual(onStage(speaking), { participantId: 'p3', speaking: true, reason: 'r3' });
  assert.equal(onStage(initialState), undefined);
});

test('after a reset everything is read anew', () => {
  const reset = { type: 'reset', cursor: 'e2.0', data: { cursor: 'e2.0', reason: 'trimmed' } } as DiscussionEvent;
  assert.equal(applyEvent(initialState, reset, 0).stale.everything, true);
});
