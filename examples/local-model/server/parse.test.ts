import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from './errors.ts';
import { parseChat } from './parse.ts';

const messages = [{ role: 'user', content: 'Hello?' }];
const parse = (body: object) => parseChat(JSON.stringify({ messages, ...body }));

/** The field that an error names, and its code. */
function faultOf(text: string): string {
  try {
    parseChat(text);
  } catch (error) {
    assert(error instanceof ApiError);
    assert.equal(error.status, 400);
    assert.match(error.message, new RegExp(`^${RegExp.escape(error.param ?? '')} .+\\.$`));
    return `${error.param} ${error.code}`;
  }
  return 'no fault';
}

test('a request is read, with everything that it may say', () => {
  const asked = parse({
    ...{ model: 'm', stream: true, stream_options: { include_usage: true } },
    ...{ max_tokens: 5, temperature: 0, top_p: 1, seed: -3, stop: 'END' },
    messages: [
      { role: 'developer', content: 'Be brief.' },
      {
        role: 'user',
        name: 'ada',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      { role: 'assistant', content: '' },
    ],
  });
  assert.deepEqual(asked, {
    ...{ model: 'm', stream: true, includeUsage: true },
    ...{ maxTokens: 5, temperature: 0, topP: 1, seed: -3, stop: ['END'] },
    messages: [
      { role: 'system', text: 'Be brief.' },
      { role: 'user', text: 'ab' },
      { role: 'assistant', text: '' },
    ],
  });
});

test('what is absent or null is left to the engine', () => {
  const asked = parse({ seed: null, stop: null, stream: null, stream_options: null, tools: null });
  assert.deepEqual(asked, {
    ...{ model: undefined, stream: false, includeUsage: false, messages: [{ role: 'user', text: 'Hello?' }] },
    ...{ maxTokens: undefined, temperature: undefined, topP: undefined, seed: undefined, stop: [] },
  });
  assert.equal(parse({ max_tokens: 9, max_completion_tokens: 4 }).maxTokens, 4);
});

test('fields that change nothing here are taken, also from clients that always send them', () => {
  const harmless = { user: 'u', metadata: {}, store: false, frequency_penalty: 0, n: 1, tools: [], logprobs: false };
  assert.equal(parse({ ...harmless, response_format: { type: 'text' }, tool_choice: 'auto' }).stream, false);
});

test('an error names the field and the rule', () => {
  const cases: [body: object, fault: string][] = [
    [{ messages: [] }, 'messages invalid_value'],
    [{ messages: 'Hello?' }, 'messages invalid_value'],
    [{ messages: Array.from({ length: 2_001 }, () => messages[0]) }, 'messages invalid_value'],
    [{ messages: [null] }, 'messages[0] invalid_value'],
    [{ messages: [...messages, { role: 'tool', content: '' }] }, 'messages[1].role invalid_value'],
    [{ messages: [{ role: 'toString', content: '' }] }, 'messages[0].role invalid_value'],
    [{ messages: [{ role: 'user' }] }, 'messages[0].content invalid_value'],
    [{ messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, 'messages[0].content[0] invalid_value'],
    [{ model: 7 }, 'model invalid_value'],
    [{ model: '' }, 'model invalid_value'],
    [{ stream: 'yes' }, 'stream invalid_value'],
    [{ stream_options: [] }, 'stream_options invalid_value'],
    [{ stream_options: { include_usage: 1 } }, 'stream_options.include_usage invalid_value'],
    [{ max_tokens: 0 }, 'max_tokens invalid_value'],
    [{ max_tokens: 1.5 }, 'max_tokens invalid_value'],
    [{ max_completion_tokens: '5' }, 'max_completion_tokens invalid_value'],
    [{ temperature: 2.1 }, 'temperature invalid_value'],
    [{ temperature: '0' }, 'temperature invalid_value'],
    [{ top_p: -0.1 }, 'top_p invalid_value'],
    [{ seed: 0.5 }, 'seed invalid_value'],
    [{ seed: 2 ** 60 }, 'seed invalid_value'],
    [{ stop: '' }, 'stop invalid_value'],
    [{ stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop invalid_value'],
    [{ stop: [1] }, 'stop invalid_value'],
    [{ n: 2 }, 'n unsupported_parameter'],
    [{ tools: [{}] }, 'tools unsupported_parameter'],
    [{ response_format: { type: 'json_object' } }, 'response_format unsupported_parameter'],
    [{ max_token: 5 }, 'max_token unknown_parameter'],
    [{ toString: 1 }, 'toString unknown_parameter'],
  ];
  for (const [body, fault] of cases) assert.equal(faultOf(JSON.stringify({ messages, ...body })), fault);
});

test('a body that is no JSON object is said to be none', () => {
  for (const [text, code] of [
    ['{', 'invalid_json'],
    ['', 'invalid_json'],
    ['[]', 'invalid_type'],
    ['null', 'invalid_type'],
  ] as const)
    assert.equal(faultOf(text), `body ${code}`);
});
