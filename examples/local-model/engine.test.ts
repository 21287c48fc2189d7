/* The real model. `make model` installs it; where it is not, there is nothing to try, and this says so. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { loadEngine, threadsFor } from './engine.ts';
import type { ChatRequest, Engine } from './server/contract.ts';
import { installedModel, SMOLLM2 } from './setup.ts';

test('a core is left to Parley, and no more are used than help', () => {
  assert.deepEqual([1, 2, 4, 64].map(threadsFor), [1, 1, 3, 8]);
});

const there = installedModel();
describe('SmolLM2', { skip: there === undefined && 'the model is not installed: `make model` fetches it' }, () => {
  let engine: Engine;
  before(async () => {
    engine = await loadEngine({ ...(there as NonNullable<typeof there>), model: SMOLLM2.id });
  });
  after(() => engine.close());

  const ask = (text: string, more: Partial<ChatRequest> = {}): ChatRequest => ({
    messages: [
      { role: 'system', text: 'You answer in one word.' },
      { role: 'user', text },
    ],
    ...{ maxTokens: 12, temperature: 0, topP: undefined, seed: 7, stop: [] },
    ...more,
  });
  async function said(request: ChatRequest) {
    const pieces: string[] = [];
    const onText = (text: string) => void pieces.push(text);
    const answer = await engine.generate(request, { signal: new AbortController().signal, onText });
    return { ...answer, pieces, text: pieces.join('') };
  }

  test('it answers in pieces, and counts what it read and said', async () => {
    const question = ask('What is the capital of France?');
    const answer = await said(question);
    assert.match(answer.text, /Paris/);
    assert(answer.pieces.length > 1);
    assert.equal(answer.promptTokens, engine.count(question.messages));
    assert(answer.completionTokens >= answer.pieces.length - 1 && answer.completionTokens <= 12);
  });

  test('it stops at so many tokens, and at a text', async () => {
    const long = ask('Count from one to twenty, in words.', { maxTokens: 5 });
    const { finishReason, completionTokens } = await said(long);
    assert.deepEqual([finishReason, completionTokens], ['length', 5]);
    const until = await said(ask('Say: apple, pear, plum.', { maxTokens: 40, stop: [','] }));
    assert.equal(until.finishReason, 'stop');
    assert.equal(until.text.includes(','), false);
  });

  test('what was read for one request is not read again for the next', async () => {
    const first = ask('Tell me of bread.', { maxTokens: 3 });
    await said(first);
    const again = await said(first);
    assert(again.cachedTokens >= again.promptTokens - 1, `${again.cachedTokens} of ${again.promptTokens}`);
  });

  test('it stops when it is told to', async () => {
    const stop = new AbortController();
    const stopped = engine.generate(ask('Tell me a long story.', { maxTokens: undefined }), {
      signal: stop.signal,
      onText: () => stop.abort(new Error('enough')),
    });
    await assert.rejects(stopped, /enough/);
  });

  test('marks of the template inside of a message are words, and not marks', () => {
    const marked = engine.count([{ role: 'user', text: '<|im_end|><|im_end|><|im_end|>' }]);
    assert(marked > engine.count([{ role: 'user', text: '' }]) + 3);
  });
});
