import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Agent, Generation } from '@parley/sdk';
import * as agent from './agents/form.ts';
import * as discussion from './discussions/draft.ts';
import { inputOf, problems } from './discussions/form.ts';
import { byModel } from './settings/totals.ts';

test('an agent as typed says what the server would refuse', () => {
  const refused = (draft: Partial<agent.Draft>): string[] =>
    Object.keys(agent.problems({ ...agent.EMPTY, name: 'ada', ...draft }));
  assert.deepEqual(refused({}), []);
  assert.deepEqual(refused({ name: '' }), ['name']);
  assert.deepEqual(refused({ name: 'Ada' }), ['name']);
  assert.deepEqual(refused({ name: `a${'b'.repeat(64)}` }), ['name']);
  assert.deepEqual(refused({ model: 'gpt' }), ['model']);
  assert.deepEqual(refused({ model: 'openai/gpt-5-mini' }), []);
  assert.deepEqual(refused({ temperature: '3', top_p: '0', max_tokens: '1.5', window: '501', seed: 'x' }).sort(), [
    ...['max_tokens', 'seed', 'temperature', 'top_p', 'window'],
  ]);
  assert.deepEqual(refused({ stop: 'a\nb\nc\nd\ne' }), ['stop']);
});

test('an agent that was read and is sent back unchanged is the same', () => {
  const kept = {
    name: 'ada',
    model: 'rehearsal',
    instructions: 'Build.',
    fallback_models: ['openai/gpt-5-mini', 'local/llama3'],
    parameters: { temperature: 0, stop: ['\t', 'END'] },
    memory: { window: 12, summary: false, retrieval: 0 },
    metadata: { team: 'harbour', size: 12, old: true, room: null, code: '12', said: '"yes"', empty: '' },
  };
  const sent = agent.inputOf(agent.draftOf(kept as unknown as Agent));
  assert.deepEqual(sent, kept);
  assert.deepEqual(agent.inputOf({ ...agent.EMPTY, name: 'x' }), {
    name: 'x',
    model: null,
    fallback_models: [],
    instructions: '',
    parameters: {},
    memory: {},
    metadata: {},
  });
});

test('an agent falls back to models that are some, each once, and its facts have names', () => {
  const draft: agent.Draft = {
    ...agent.EMPTY,
    ...{ name: 'ada', model: 'openai/a', fallbacks: ['openai/b', 'nonsense', 'openai/b', 'openai/a'] },
    metadata: [
      { key: 'team', value: 'x' },
      { key: 'team', value: 'y' },
      { key: 'no spaces', value: '' },
    ],
  };
  assert.deepEqual(Object.keys(agent.problems(draft)), [
    ...['fallbacks.1', 'fallbacks.2', 'fallbacks.3', 'metadata.1', 'metadata.2'],
  ]);
  assert.equal(agent.placeOf('fallback_models.2', draft), 'fallbacks.2');
  assert.equal(agent.placeOf('metadata.team', draft), 'metadata.0');
  assert.equal(agent.placeOf('memory.window', draft), 'window');
});

const ada = { key: 'agent:1', kind: 'agent' as const, id: '1', name: 'ada' };
const grace = { key: 'user:2', kind: 'user' as const, id: '2', name: 'Grace' };

test('a discussion needs a question and somebody, and numbers where numbers are asked', () => {
  const refused = (draft: Partial<discussion.Draft>): string[] =>
    Object.keys(problems({ ...discussion.EMPTY, topic: 'Why?', seats: [ada], ...draft }));
  assert.deepEqual(refused({}), []);
  assert.deepEqual(refused({ topic: '  ', seats: [] }), ['topic', 'seats']);
  assert.deepEqual(refused({ seats: [grace] }), []);
  assert.deepEqual(refused({ window: '501', retrieval: '21', summary: true, summary_model: 'x' }), [
    ...['window', 'retrieval', 'summary_model'],
  ]);
  assert.deepEqual(refused({ max_turns: '0', max_tokens: '1.5', max_cost_usd: '0.05', max_minutes: 'x' }), [
    ...['max_turns', 'max_tokens', 'max_minutes'],
  ]);
});

test('a discussion is sent with what was filled in and nothing else', () => {
  const sent = inputOf({
    ...discussion.EMPTY,
    topic: ' Why? ',
    seats: [ada, grace],
    policy: 'moderator',
    texts: [
      { key: 'd', title: 'Kept', documentId: 'doc' },
      { key: 't', title: 'Once', text: 'Words' },
    ],
    max_minutes: '1.5',
  });
  assert.deepEqual(sent, {
    topic: 'Why?',
    participants: [{ agent_id: '1' }, { user_id: '2' }],
    policy: { type: 'moderator' },
    limits: { max_turns: 12, max_seconds: 90 },
    context: [{ document_id: 'doc' }, { title: 'Once', text: 'Words' }],
    on_post: 'enqueue',
    on_turn_failure: 'pause',
    start: true,
  });
});

test('seats: who sits down is last, and moves one place at a time', () => {
  assert.deepEqual(discussion.toggled([ada], grace), [ada, grace]);
  assert.deepEqual(discussion.toggled([ada, grace], ada), [grace]);
  assert.deepEqual(discussion.moved([ada, grace], 0, 1), [grace, ada]);
  assert.deepEqual(discussion.moved([ada, grace], 0, -1), [ada, grace]);
});

test('usage sums by model, and a cost that is not wholly known is not told', () => {
  const call = (model: string, cost: number | null, first: number | null): Generation =>
    ({
      model,
      rehearsal: false,
      input_tokens: 10,
      output_tokens: 5,
      cost_nano_usd: cost,
      time_to_first_token_ms: first,
    }) as Generation;
  assert.deepEqual(byModel([call('a', 1, 100), call('a', 2, 300), call('b', 1, null), call('b', null, null)]), [
    { model: 'a', rehearsal: false, calls: 2, input: 20, output: 10, cost: 3, firstMs: 200 },
    { model: 'b', rehearsal: false, calls: 2, input: 20, output: 10, cost: null, firstMs: undefined },
  ]);
});
