import { connectionError, type ErrorType, ParleyError } from '../errors.ts';
import { eachOfPages } from '../pages.ts';
import { linked } from '../retry.ts';
import { readFrames } from '../sse.ts';
import { meaning, type RequestOptions, type Transport } from '../transport.ts';
import type {
  Agent,
  AgentChange,
  AgentEvent,
  AgentInput,
  AgentPage,
  AgentQuery,
  Invocation,
  InvokeInput,
} from '../types.ts';

/** Agents: a name, a model and instructions. */
export class Agents {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(query: AgentQuery = {}, options?: RequestOptions): Promise<AgentPage> {
    return this.#transport.json({ method: 'GET', path: '/agents', query }, options);
  }

  /** Every agent that matches, a page at a time. */
  all(query: Omit<AgentQuery, 'page'> = {}, options?: RequestOptions): AsyncGenerator<Agent> {
    return eachOfPages((page) => this.list({ page_size: 100, ...query, page }, options));
  }

  get(id: string, options?: RequestOptions): Promise<Agent> {
    return this.#transport.json({ method: 'GET', path: `/agents/${encodeURIComponent(id)}` }, options);
  }

  create(body: AgentInput, options?: RequestOptions): Promise<Agent> {
    return this.#transport.json({ method: 'POST', path: '/agents', body, creates: true }, options);
  }

  /** `version` is the one you read; code `version_mismatch` says that somebody was faster. */
  update(id: string, body: AgentChange, options: RequestOptions & { version: number }): Promise<Agent> {
    const { version } = options;
    return this.#transport.json({ method: 'PATCH', path: `/agents/${encodeURIComponent(id)}`, body, version }, options);
  }

  delete(id: string, options: RequestOptions & { version?: number } = {}): Promise<void> {
    const { version } = options;
    const path = `/agents/${encodeURIComponent(id)}`;
    return this.#transport.json({ method: 'DELETE', path, ...(version === undefined ? {} : { version }) }, options);
  }

  archive(id: string, options?: RequestOptions): Promise<Agent> {
    return this.#transport.json({ method: 'POST', path: `/agents/${encodeURIComponent(id)}/archive` }, options);
  }

  restore(id: string, options?: RequestOptions): Promise<Agent> {
    return this.#transport.json({ method: 'POST', path: `/agents/${encodeURIComponent(id)}/restore` }, options);
  }

  invoke(id: string, body: InvokeInput, options?: RequestOptions): Promise<Invocation> {
    const path = `/agents/${encodeURIComponent(id)}/invoke`;
    return this.#transport.json({ method: 'POST', path, body }, { timeoutMs: 300_000, ...options });
  }

  /** The same, token by token: `delta` events, then one `done` that carries the whole. A failure is thrown. */
  async *stream(id: string, body: InvokeInput, options: { signal?: AbortSignal } = {}): AsyncGenerator<AgentEvent> {
    const { controller, release } = linked(options.signal);
    let finished = false;
    try {
      const response = await this.#transport.open(
        {
          method: 'POST',
          path: `/agents/${encodeURIComponent(id)}/stream`,
          body,
          headers: { accept: 'text/event-stream' },
        },
        controller.signal,
      );
      if (!response.body) throw connectionError('invalid_response', 'The answer has no body.');
      for await (const frame of readFrames(response.body)) {
        const data = JSON.parse(frame.data) as Record<string, unknown>;
        if (frame.event === 'error') throw streamed(data);
        finished ||= frame.event === 'done';
        if (frame.event === 'delta' || frame.event === 'done') yield { type: frame.event, ...data } as AgentEvent;
      }
      if (!finished) throw connectionError('connection_failed', 'The answer broke off.');
    } catch (error) {
      throw meaning(error, controller.signal);
    } finally {
      release();
      controller.abort();
    }
  }
}

function streamed(data: Record<string, unknown>): ParleyError {
  const error = (data.error ?? data) as {
    code?: string;
    type?: ErrorType;
    message?: string;
    details?: unknown;
    request_id?: string;
  };
  return new ParleyError({
    code: error.code ?? 'internal',
    type: error.type ?? 'upstream',
    status: 200,
    message: error.message ?? 'The answer failed.',
    details: error.details,
    ...(error.request_id === undefined ? {} : { requestId: error.request_id }),
  });
}
