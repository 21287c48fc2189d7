import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../../../platform/http/errors.ts';
import { OutboundRefused } from '../../../platform/net/outbound.ts';
import { explain, retryAfter } from './failures.ts';

const secret = 'sk-secret-99';
const call = (statusCode: number, message: string, responseBody = '') =>
  Object.assign(new Error(message), { name: 'AI_APICallError', statusCode, responseBody, responseHeaders: {} });
const socket = (code: string) =>
  Object.assign(new Error('fetch failed'), { cause: Object.assign(new Error(code), { code }) });

const TABLE: [string, unknown, string, boolean][] = [
  [
    'vLLM’s context length',
    call(400, "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens"),
    'model_context_length',
    false,
  ],
  [
    'llama.cpp’s context length',
    call(400, 'the request exceeds the available context size (4096 tokens)'),
    'model_context_length',
    false,
  ],
  [
    'a 429 that speaks of tokens',
    call(429, 'Request too large: too many tokens per minute'),
    'model_rate_limited',
    true,
  ],
  [
    'Azure’s content filter',
    call(
      400,
      'Bad Request',
      '{"error":{"code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}',
    ),
    'model_content_filter',
    false,
  ],
  ['a 403', call(403, 'Country not supported'), 'model_authentication', false],
  ['a payment that is due', call(402, 'Payment required'), 'model_rate_limited', false],
  ['Ollama without the model', call(404, 'model "llama9" not found, try pulling it first'), 'model_not_found', false],
  ['a proxy’s 502', call(502, 'Bad Gateway', '<html>nginx</html>'), 'model_unavailable', true],
  ['a gateway’s timeout', call(504, 'Gateway Timeout'), 'model_timeout', false],
  ['a request that is too large', call(413, 'Payload too large'), 'model_refused', false],
  ['a refused connection', socket('ECONNREFUSED'), 'model_unavailable', true],
  ['a name that does not resolve', socket('ENOTFOUND'), 'model_unavailable', true],
  ['headers that do not come', socket('UND_ERR_HEADERS_TIMEOUT'), 'model_timeout', false],
  [
    'an answer that is no JSON',
    Object.assign(new Error('x'), { name: 'AI_JSONParseError' }),
    'model_unavailable',
    false,
  ],
  ['an error object in a stream', { type: 'rate_limit_error', message: 'slow down' }, 'model_rate_limited', true],
  [
    'an error object with a status',
    { code: 503, message: 'overloaded', status: 'UNAVAILABLE' },
    'model_unavailable',
    true,
  ],
  ['an error that is a word', 'out of memory', 'model_unavailable', true],
  ['nothing at all', undefined, 'model_unavailable', true],
];
for (const [name, thrown, code, retryable] of TABLE) {
  test(`${name} is ${code}, ${retryable ? 'asked again' : 'final'}`, () => {
    const failure = explain(thrown, { provider: 'acme', secret });
    assert.deepEqual([failure.error.code, failure.retryable], [code, retryable]);
    assert.match(failure.error.message, /^acme/);
  });
}

test('a provider that nothing leads to is told apart from one that is down', () => {
  const told = (thrown: unknown) => explain(thrown, { provider: 'acme' }).error.message;
  for (const code of ['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED']) {
    assert.equal(told(socket(code)), 'acme cannot be reached from here.');
  }
  assert.equal(told(call(502, 'ECONNREFUSED upstream')), 'acme is not available.');
});

test('a key that the provider repeats is blotted out', () => {
  const { error } = explain(call(400, `The key ${secret} may not use temperature`), { provider: 'acme', secret });
  assert.equal(error.message, 'acme: The key … may not use temperature');
  assert.doesNotMatch(String((error.cause as Error).stack), /secret-99/);
});

test('an address that is not called is the tenant’s to mend, and nobody asks again', () => {
  const thrown = new TypeError('fetch failed', { cause: new OutboundRefused('The address is not a public one.') });
  const failure = explain(thrown, { provider: 'acme' });
  assert.deepEqual([failure.error.code, failure.retryable], ['model_refused', false]);
  assert.match(failure.error.message, /not a public one/);
});

test('an error of ours passes as it is', () => {
  const error = new AppError('model_timeout');
  assert.equal(explain(error, { provider: 'acme' }).error, error);
});

test('Retry-After is read in milliseconds, seconds and as a date', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  assert.equal(retryAfter({ 'retry-after-ms': '250', 'retry-after': '9' }, now), 250);
  assert.equal(retryAfter({ 'retry-after': '2' }, now), 2_000);
  assert.equal(retryAfter({ 'retry-after': 'Thu, 01 Jan 2026 00:00:05 GMT' }, now), 5_000);
  for (const text of ['', 'soon', '-1', 'Thu, 01 Jan 2015 00:00:05 GMT']) {
    assert.ok([undefined, 0].includes(retryAfter({ 'retry-after': text }, now)), text);
  }
  assert.equal(retryAfter({}, now), undefined);
});
