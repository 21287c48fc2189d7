import type { Protocol } from './stand-in.ts';

const event = (type: string, rest: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
const error = (type: string, message: string) => ({ type: 'error', error: { type, message } });
const STOP = { stop: 'end_turn', length: 'max_tokens', content_filter: 'refusal' } as const;

/** Anthropic's messages, streamed. */
export const anthropicProtocol: Protocol = {
  name: 'anthropic',
  basePath: '/v1',
  models: ['claude-sonnet-4-5', 'claude-haiku-4-5'],
  listBody: () => ({
    data: anthropicProtocol.models.map((id) => ({
      type: 'model',
      id,
      display_name: id,
      created_at: '2025-01-01T00:00:00Z',
    })),
    has_more: false,
    first_id: null,
    last_id: null,
  }),
  isGeneration: (path) => path === '/v1/messages',
  refusal(why) {
    switch (why) {
      case 'wrong_key':
        return { status: 401, body: error('authentication_error', 'invalid x-api-key') };
      case 'rate_limited':
        return { status: 429, body: error('rate_limit_error', 'This request would exceed your rate limit.') };
      case 'out_of_funds':
        return {
          status: 400,
          body: error('invalid_request_error', 'Your credit balance is too low to access the API.'),
        };
      case 'context_length':
        return {
          status: 400,
          body: error('invalid_request_error', 'prompt is too long: 250000 tokens > 200000 maximum'),
        };
      case 'content_filter':
        return { status: 400, body: error('invalid_request_error', 'Output blocked by content filtering policy') };
      case 'no_such_model':
        return { status: 404, body: error('not_found_error', 'model: nope') };
      case 'bad_parameter':
        return { status: 400, body: error('invalid_request_error', 'temperature: range: 0..1') };
      case 'overloaded':
        return { status: 529, body: error('overloaded_error', 'Overloaded') };
      case 'broken':
        return { status: 500, body: error('api_error', 'Internal server error') };
    }
  },
  head: (model) =>
    event('message_start', {
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model,
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 12, output_tokens: 1 },
      },
    }) +
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
    event('ping', {}),
  text: (text) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }),
  tail: (finish, usage) =>
    event('content_block_stop', { index: 0 }) +
    event('message_delta', {
      delta: { stop_reason: STOP[finish], stop_sequence: null },
      usage: { output_tokens: usage?.output ?? 0 },
    }) +
    event('message_stop', {}),
  failure: () => `event: error\ndata: ${JSON.stringify(error('overloaded_error', 'Overloaded'))}\n\n`,
};
