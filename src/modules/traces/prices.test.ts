import assert from 'node:assert/strict';
import { test } from 'node:test';
import { priceOf } from './prices.ts';

const at = new Date('2026-01-01T00:00:00Z');
const tokens = { inputTokens: 1_000_000, outputTokens: 1_000_000 };

test('prices are whole nano-dollars, by provider and model', async () => {
  // 2.50 and 10 dollars for a million tokens in and out.
  assert.equal(await priceOf({ provider: 'openai', model: 'gpt-4o', ...tokens }, at), 12_500_000_000);
  const one = await priceOf({ provider: 'openai', model: 'gpt-4o', inputTokens: 1, outputTokens: 0 }, at);
  assert.equal(one, 2_500);
});

test('tokens read from the provider’s cache cost less', async () => {
  const usage = { provider: 'openai', model: 'gpt-4o', inputTokens: 1_000_000, outputTokens: 0 };
  const whole = (await priceOf(usage, at)) ?? 0;
  const cached = (await priceOf({ ...usage, cachedInputTokens: 900_000 }, at)) ?? 0;
  assert.ok(cached > 0 && cached < whole);
  // A provider that counts more cached tokens than there were is not believed.
  assert.ok(((await priceOf({ ...usage, cachedInputTokens: 9_000_000 }, at)) ?? 0) > 0);
});

test('the rehearsal is free; what has no known price has none', async () => {
  assert.equal(await priceOf({ provider: 'rehearsal', model: 'rehearsal', ...tokens }, at), 0);
  assert.equal(await priceOf({ provider: 'openai', model: 'no-such-model-ever', ...tokens }, at), null);
  assert.equal(
    await priceOf({ provider: 'local', model: 'llama3.2', baseUrl: 'http://127.0.0.1:11434/v1', ...tokens }, at),
    null,
  );
  assert.equal(await priceOf({ provider: 'ours', model: 'gpt-4o', ...tokens }, at), null);
});

test('a compatible provider is priced by its address', async () => {
  const price = await priceOf(
    { provider: 'ours', model: 'llama-3.3-70b-versatile', baseUrl: 'https://api.groq.com/openai/v1', ...tokens },
    at,
  );
  assert.ok((price ?? 0) > 0);
});
