import { errorOfBody } from '../answer.ts';
import { connectionError } from '../errors.ts';
import { catalogue, type List } from '../pages.ts';
import { dataOf, type StreamOptions, streamFrames } from '../stream.ts';
import type { RequestOptions, Transport } from '../transport.ts';
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

  /** By name. */
  list(query: AgentQuery = {}, options?: RequestOptions): List<Agent, AgentPage> {
    return catalogue((asked) => this.#transport.json({ method: 'GET', path: '/agents', query: asked }, options), query);
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
  async *stream(
    id: string,
    body: InvokeInput,
    options: Pick<StreamOptions, 'signal' | 'idleMs'> = {},
  ): AsyncGenerator<AgentEvent> {
    const path = `/agents/${encodeURIComponent(id)}/stream`;
    for await (const frame of streamFrames(this.#transport, { method: 'POST', path, body }, options)) {
      const data = dataOf(frame) as Record<string, unknown>;
      if (frame.event === 'error') throw errorOfBody(data, 200);
      if (frame.event === 'delta' || frame.event === 'done') yield { type: frame.event, ...data } as AgentEvent;
      if (frame.event === 'done') return;
    }
    throw connectionError('connection_failed', 'The answer broke off.');
  }
}
