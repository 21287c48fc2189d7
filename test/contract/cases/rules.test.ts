import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createLive } from '../../../src/modules/discussions/turns/live.ts';
import { AppError, type ErrorCode } from '../../../src/platform/http/errors.ts';
import { problemBody, statusOn } from '../../../src/platform/http/output/problem.ts';
import type { Wire } from '../../../src/platform/http/router.ts';
import { eventFrame, liveFrame, resetFrame } from '../../../src/platform/realtime/frames.ts';
import type { Cursor, LiveFrame, LogEvent } from '../../../src/platform/realtime/hub.ts';
import { casesOf } from './files.ts';
import { Play, type Story } from './story.ts';

suite('policies.json: who speaks next, and why', () => {
  for (const story of casesOf<Story>('policies'))
    test(story.name, () => {
      const play = Play.of(story);
      if ('fault' in story) return assert.deepEqual(play, { fault: story.fault });
      assert(play instanceof Play, JSON.stringify(play));
      for (const [at, step] of story.story.entries()) {
        if ('next' in step) assert.deepEqual(play.next(), step.next, `step ${at}`);
        else assert.equal(play.enter(step), 'answers' in step ? step.refused : null, `step ${at}`);
      }
    });
});

type ErrorCase = {
  name: string;
  wire: Wire | null;
  throws?: { code: ErrorCode; message?: string; details?: unknown; headers?: Record<string, string> };
  answer: { status: number; headers: Record<string, string>; body: unknown };
};
suite('errors.json: which answer an error is', () => {
  for (const { name, wire, throws, answer } of casesOf<ErrorCase>('errors')) {
    if (wire === null || !throws) continue;
    test(name, () => {
      const { code, ...options } = throws;
      const error = new AppError(code, options);
      const headers = Object.fromEntries(
        Object.entries(error.headers).map(([key, value]) => [key.toLowerCase(), value]),
      );
      const made = { status: statusOn(wire, error), headers, body: JSON.parse(problemBody(wire, error, 'req-1')) };
      assert.deepEqual(made, answer);
    });
  }
});

type Sends = { event: LogEvent } | { live: LiveFrame } | { reset: Cursor & { reason: 'epoch_changed' } };
suite('sse.json: what an event stream looks like', () => {
  for (const { name, sends, chunks } of casesOf<{ name: string; sends?: Sends; chunks: string[] }>('sse'))
    if (sends) test(name, () => assert.equal(encoded(sends).toString(), chunks.join('')));
});

function encoded(sends: Sends): Buffer {
  if ('event' in sends) return eventFrame(sends.event);
  if ('live' in sends) return liveFrame(sends.live);
  return resetFrame(sends.reset, sends.reset.reason);
}

type Act = { says: string } | { joins: true } | { again: number };
suite('live-text.json: what is sent of what is said', () => {
  for (const { name, script, frames } of casesOf<{ name: string; script?: Act[]; frames: LiveFrame[] }>('live-text'))
    if (script) test(name, () => assert.deepEqual(framesOf(script), frames));
});

function framesOf(script: readonly Act[]): LiveFrame[] {
  const frames: LiveFrame[] = [];
  let now = 0;
  // Each piece comes so late after the one before that it goes out by itself.
  const live = createLive({ publish: (_tenant, _stream, frame) => frames.push(frame) }, () => (now += 1_000));
  const about = { tenantId: 't', discussionId: 'd', turn: 3, participantId: 'p' };
  const begin = (attempt: number) => live.open({ ...about, step: attempt, attempt }, async () => {});
  let speech = begin(1);
  for (const act of script) {
    if ('says' in act) speech.say(act.says);
    else if ('joins' in act) frames.push(...[live.snapshot('d')].flatMap((frame) => frame ?? []));
    else {
      speech.close();
      speech = begin(act.again);
      frames.push({ event: 'turn_restarted', data: { discussion_id: 'd', turn: 3, attempt: act.again } });
    }
  }
  speech.close();
  return frames;
}
