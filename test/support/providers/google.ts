import { data, type Protocol } from './stand-in.ts';

const error = (code: number, status: string, message: string, details: unknown[] = []) => ({
  error: { code, message, status, details },
});
const STOP = { stop: 'STOP', length: 'MAX_TOKENS', content_filter: 'SAFETY' } as const;

/** Gemini's `streamGenerateContent`. */
export const googleProtocol: Protocol = {
  name: 'google',
  basePath: '/v1beta',
  models: ['gemini-2.5-flash', 'gemini-2.5-pro', 'gemini-embedding-001'],
  listBody: () => ({
    models: googleProtocol.models.map((id) => ({
      name: `models/${id}`,
      supportedGenerationMethods: id.includes('embedding') ? ['embedContent'] : ['generateContent', 'countTokens'],
    })),
  }),
  isGeneration: (path) => /^\/v1beta\/models\/[\w.-]+:streamGenerateContent\?alt=sse$/.test(path),
  refusal(why) {
    switch (why) {
      case 'wrong_key':
        return {
          status: 400,
          body: error(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', [
            { reason: 'API_KEY_INVALID' },
          ]),
        };
      case 'rate_limited':
        return {
          status: 429,
          body: error(429, 'RESOURCE_EXHAUSTED', 'Resource has been exhausted (e.g. check quota).'),
        };
      case 'out_of_funds':
        return {
          status: 429,
          body: error(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota, please check your plan.'),
        };
      case 'context_length':
        return {
          status: 400,
          body: error(
            400,
            'INVALID_ARGUMENT',
            'The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).',
          ),
        };
      case 'content_filter':
        return { status: 400, body: error(400, 'INVALID_ARGUMENT', 'The prompt was rejected: PROHIBITED_CONTENT') };
      case 'no_such_model':
        return { status: 404, body: error(404, 'NOT_FOUND', 'models/nope is not found for API version v1beta') };
      case 'bad_parameter':
        return { status: 400, body: error(400, 'INVALID_ARGUMENT', 'temperature must be in the range [0, 2]') };
      case 'overloaded':
        return { status: 503, body: error(503, 'UNAVAILABLE', 'The model is overloaded. Please try again later.') };
      case 'broken':
        return { status: 500, body: error(500, 'INTERNAL', 'An internal error has occurred.') };
    }
  },
  head: () => '',
  text: (text) => data({ candidates: [{ content: { role: 'model', parts: [{ text }] }, index: 0 }] }),
  tail: (finish, usage) =>
    data({
      candidates: [{ content: { role: 'model', parts: [{ text: '' }] }, finishReason: STOP[finish], index: 0 }],
      ...(usage !== null && {
        usageMetadata: {
          promptTokenCount: usage.input,
          candidatesTokenCount: usage.output,
          totalTokenCount: usage.input + usage.output,
          ...(usage.cached !== undefined && { cachedContentTokenCount: usage.cached }),
        },
      }),
    }),
  failure: () => data(error(503, 'UNAVAILABLE', 'The model is overloaded.')),
};
