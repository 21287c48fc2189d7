import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { LiveFrame } from '../../../platform/realtime/hub.ts';
import { createLive } from './live.ts';

const about = {
  tenantId: 'tenant',
  discussionId: 'one',
  step: 4,
  turn: 2,
  attempt: 1,
  participantId: 'ada',
};

/** A live register with a hub that only listens, and hands on the clock. */
function stage(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const frames: LiveFrame[] = [];
  const clock = { ms: 0 };
  const live = createLive({ publish: (_tenant, _stream, frame) => void frames.push(frame) }, () => clock.ms);
  const kept: string[] = [];
  const keep = async (text: string) => void kept.push(text);
  const deltas = () => frames.map(({ data }) => data as { offset: number; text: string });
  return { live, clock, frames, kept, keep, deltas };
}

test('the first piece goes out at once, and a burst after it as one frame', (t) => {
  const { live, keep, deltas } = stage(t);
  const speech = live.open(about, keep);
  for (const piece of ['a', 'b', 'c', 'd']) speech.say(piece);
  assert.deepEqual(
    deltas().map(({ offset, text }) => [offset, text]),
    [[0, 'a']],
  );
  t.mock.timers.tick(8);
  assert.deepEqual(
    deltas().map(({ offset, text }) => [offset, text]),
    [
      [0, 'a'],
      [1, 'bcd'],
    ],
  );
  speech.close();
});

test('a snapshot is exactly what was sent, so the next delta fits behind it', (t) => {
  const { live, keep, deltas } = stage(t);
  const speech = live.open(about, keep);
  speech.say('Hello');
  speech.say(' world');
  const data = live.snapshot('one')?.data as { text: string; participant_id: string };
  assert.deepEqual([data.text, data.participant_id], ['Hello', 'ada']);
  speech.flush();
  assert.equal(deltas().at(-1)?.offset, data.text.length);
  assert.deepEqual(live.snapshot('one')?.data, { ...data, text: 'Hello world' });
  speech.close();
  assert.equal(live.snapshot('one'), undefined);
});

test('what was said is kept twice a second, one write at a time', async (t) => {
  const { live, kept } = stage(t);
  const writes: (() => void)[] = [];
  const speech = live.open(about, (text) => {
    kept.push(text);
    return new Promise<void>((resolve) => writes.push(resolve));
  });
  speech.say('a');
  t.mock.timers.tick(499);
  assert.deepEqual(kept, []);
  t.mock.timers.tick(1);
  assert.deepEqual(kept, ['a']);
  speech.say('b');
  t.mock.timers.tick(5_000);
  assert.deepEqual(kept, ['a'], 'the first write is still under way');
  writes[0]?.();
  await new Promise((resolve) => setImmediate(resolve));
  speech.say('c');
  t.mock.timers.tick(500);
  assert.deepEqual(kept, ['a', 'abc']);
  speech.close();
});

test('a newer attempt is heard, the older one is stopped and says nothing any more', (t) => {
  const { live, keep, frames } = stage(t);
  const old = live.open(about, keep);
  old.say('old');
  const young = live.open({ ...about, attempt: 2 }, keep);
  assert.equal(old.signal.aborted, true);
  old.say(' words');
  young.say('new');
  old.close();
  assert.deepEqual(
    frames.map(({ data }) => (data as { text: string }).text),
    ['old', 'new'],
  );
  assert.equal(live.hold('one', 4)?.text, 'new');
  young.close();
});

test('a stop reaches the step it was meant for and those before, never a later one', (t) => {
  const { live, keep } = stage(t);
  const speech = live.open(about, keep);
  live.abort('one', 3);
  assert.equal(speech.signal.aborted, false, 'this step came after what was stopped');
  assert.equal(live.hold('one', 3), undefined);
  live.abort('one', 4);
  assert.equal(speech.signal.aborted, true);
  assert.equal(live.snapshot('one'), undefined);
  speech.close();
});

test('a moderator can be stopped, but is not heard', (t) => {
  const { live, keep } = stage(t);
  const asked = live.open({ ...about, attempt: 0, participantId: '' }, keep);
  assert.equal(live.snapshot('one'), undefined);
  live.abort('one', 4);
  assert.equal(asked.signal.aborted, true);
});

test('held, a speaker is heard no further: what was heard is what is kept; the rest comes when nobody cut it', (t) => {
  const { live, clock, keep, deltas } = stage(t);
  const speech = live.open(about, keep);
  for (const piece of ['a', 'b']) speech.say(piece);
  assert.equal(speech.held, false);
  assert.equal(live.hold('one', 4)?.text, 'ab');
  assert.equal(speech.held, true);
  speech.say('c');
  t.mock.timers.tick(100);
  assert.equal(
    deltas()
      .map(({ text }) => text)
      .join(''),
    'ab',
  );
  assert.equal(live.hold('one', 4)?.text, 'ab');
  clock.ms = 5_000;
  t.mock.timers.tick(5_000);
  assert.equal(
    deltas()
      .map(({ text }) => text)
      .join(''),
    'abc',
  );
  speech.close();
});
