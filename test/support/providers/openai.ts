import { data, type Protocol } from './stand-in.ts';

const chunk = (rest: object) =>
  data({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'gpt-5-mini', ...rest });
const choice = (delta: object, finish_reason: string | null = null) =>
  chunk({ choices: [{ index: 0, delta, finish_reason }] });
const error = (message: string, type: string, code: string | null) => ({ error: { message, type, param: null, code } });

/** OpenAI's chat completions, streamed; compatible servers speak the same. */
export const openaiProtocol: Protocol = {
  name: 'openai',
  basePath: '/v1',
  models: ['gpt-5-mini', 'gpt-5', 'text-embedding-3-small', 'tts-1', 'whisper-1'],
  listBody: () => ({
    object: 'list',
    data: openaiProtocol.models.map((id) => ({ id, object: 'model', created: 1_700_000_000, owned_by: 'openai' })),
  }),
  isGeneration: (path) => path === '/v1/chat/completions',
  refusal(why) {
    switch (why) {
      case 'wrong_key':
        return {
          status: 401,
          body: error('Incorrect API key provided: sk-test-secret-1234.', 'invalid_request_error', 'invalid_api_key'),
        };
      case 'rate_limited':
        return { status: 429, body: error('Rate limit reached for requests', 'requests', 'rate_limit_exceeded') };
      case 'out_of_funds':
        return {
          status: 429,
          body: error(
            'You exceeded your current quota, please check your plan.',
            'insufficient_quota',
            'insufficient_quota',
          ),
        };
      case 'context_length':
        return {
          status: 400,
          body: error(
            "This model's maximum context length is 8192 tokens.",
            'invalid_request_error',
            'context_length_exceeded',
          ),
        };
      case 'content_filter':
        return {
          status: 400,
          body: error(
            'The response was filtered due to the prompt triggering our content management policy.',
            'invalid_request_error',
            'content_filter',
          ),
        };
      case 'no_such_model':
        return {
          status: 404,
          body: error('The model `nope` does not exist', 'invalid_request_error', 'model_not_found'),
        };
      case 'bad_parameter':
        return {
          status: 400,
          body: error(
            "Invalid value for 'temperature'. Your key sk-test-secret-1234 is fine.",
            'invalid_request_error',
            'invalid_value',
          ),
        };
      case 'overloaded':
        return { status: 503, body: error('That model is currently overloaded.', 'server_error', null) };
      case 'broken':
        return { status: 500, body: error('The server had an error.', 'server_error', null) };
    }
  },
  head: () => choice({ role: 'assistant', content: '' }),
  text: (content) => choice({ content }),
  tail: (finish, usage) =>
    choice({}, finish) +
    (usage === null
      ? ''
      : chunk({
          choices: [],
          usage: {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.input + usage.output,
            ...(usage.cached !== undefined && { prompt_tokens_details: { cached_tokens: usage.cached } }),
          },
        })) +
    'data: [DONE]\n\n',
  failure: () => data(error('The server had an error while processing your request.', 'server_error', null)),
};
