import { errorOfBody } from '../answer.ts';
import { connectionError } from '../errors.ts';
import { dataOf, type StreamOptions, streamFrames } from '../stream.ts';
import type { RequestOptions, Transport } from '../transport.ts';
import type { ChatChunk, ChatCompletion, ChatInput } from '../types.ts';

/** One call of a model or an agent (`agent:NAME`) on OpenAI's wire. Any OpenAI client does as well, at the server's `/v1`. */
export class Chat {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  complete(body: ChatInput, options?: RequestOptions): Promise<ChatCompletion> {
    const send = { method: 'POST', path: '/chat/completions', body: { ...body, stream: false } } as const;
    return this.#transport.json(send, { timeoutMs: 300_000, ...options });
  }

  /** The same, token by token. A failure is thrown. */
  async *stream(body: ChatInput, options: Pick<StreamOptions, 'signal' | 'idleMs'> = {}): AsyncGenerator<ChatChunk> {
    const send = { method: 'POST', path: '/chat/completions', body: { ...body, stream: true } } as const;
    for await (const frame of streamFrames(this.#transport, send, options)) {
      if (frame.data === '[DONE]') return;
      const data = dataOf(frame) as Record<string, unknown>;
      if (data.error !== undefined) throw errorOfBody(data, 200);
      yield data as ChatChunk;
    }
    throw connectionError('connection_failed', 'The answer broke off.');
  }
}
