import { errorOf } from './answer.ts';
import { RetryBudget } from './budget.ts';
import { connectionError, errorFrom, ParleyError } from './errors.ts';
import { backoffMs, linked, randomKey, sleep } from './retry.ts';
import type { TokenSource } from './tokens.ts';

/** What every method takes last. */
export type RequestOptions = {
  /** Aborting rejects with the signal's reason, also between two attempts. */
  signal?: AbortSignal | undefined;
  /** A deadline for one attempt; default that of the client (60,000). */
  timeoutMs?: number | undefined;
  /** Repeats after a failure that a repeat can mend; default that of the client (2). */
  maxRetries?: number | undefined;
  /** For what creates something; made for you when absent. Give your own to repeat across processes. */
  idempotencyKey?: string | undefined;
};

export type Query = Record<string, string | number | boolean | undefined>;

/** A request as a resource describes it. */
export type Send = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query?: Query | undefined;
  body?: unknown;
  /** Creates something: sent with an Idempotency-Key, so that it may be repeated. */
  creates?: boolean;
  /** A POST of which the server says that twice is fine. */
  repeatable?: boolean;
  /** The version that was read; sent as `If-Match`. */
  version?: number | undefined;
  headers?: Record<string, string>;
  /** Sign-in and its like: no token, and a 401 is an answer. */
  anonymous?: boolean;
  /** Statuses beyond 2xx that are an answer, not an error. */
  fine?: readonly number[];
};

type TransportOptions = {
  /** The API's own prefix included. */
  baseUrl: string;
  tokens: TokenSource;
  fetch: typeof globalThis.fetch;
  timeoutMs: number;
  maxRetries: number;
  /** Repeats a second, over all requests. */
  retriesPerSecond: number;
  credentials?: 'include' | undefined;
};

const RETRY_BASE_MS = 300;
const RETRY_CAP_MS = 8_000;
/** A `Retry-After` beyond this is told to the caller instead of waited for. */
const LONGEST_WAIT_MS = 30_000;
/** So many seconds' worth of repeats may come at once. */
const BURST_SECONDS = 10;

/** Sends requests: token, deadline, retries, errors. Knows no route. */
export class Transport {
  readonly baseUrl: string;
  readonly #options: TransportOptions;
  readonly #budget: RetryBudget;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#budget = new RetryBudget(options.retriesPerSecond, options.retriesPerSecond * BURST_SECONDS);
    this.baseUrl = options.baseUrl.replace(/\/+$/, '');
  }

  /** Sends and reads the answer as JSON; undefined for an empty one. */
  async json<T>(send: Send, options: RequestOptions = {}): Promise<T> {
    const maxRetries = options.maxRetries ?? this.#options.maxRetries;
    const prepared = send.creates
      ? { ...send, headers: { ...send.headers, 'idempotency-key': options.idempotencyKey ?? randomKey() } }
      : send;
    let mayHaveHappened = false;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once<T>(prepared, options);
      } catch (error) {
        // The attempt before, whose answer was lost, has deleted it.
        if (mayHaveHappened && send.method === 'DELETE' && isStatus(error, 404)) return undefined as T;
        const wait = attempt < maxRetries ? retryWait(error, prepared, attempt) : undefined;
        if (wait === undefined || !this.#budget.take()) throw error;
        mayHaveHappened ||= !isStatus(error, 429);
        await sleep(wait, options.signal);
      }
    }
  }

  async #once<T>(send: Send, options: RequestOptions): Promise<T> {
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs;
    const { controller, release } = linked(options.signal);
    const timer = setTimeout(
      () => controller.abort(connectionError('timeout', `No answer within ${timeoutMs} ms.`)),
      timeoutMs,
    );
    try {
      const response = await this.open(send, controller.signal);
      const text = await response.text();
      return (text === '' ? undefined : parse(text, response)) as T;
    } catch (error) {
      throw meaning(error, controller.signal);
    } finally {
      clearTimeout(timer);
      release();
    }
  }

  /** Sends once, with the token and one renewal of it. Resolves with a 2xx answer whose body is still to be read. */
  async open(send: Send, signal: AbortSignal): Promise<Response> {
    const token = send.anonymous ? undefined : await unlessAborted(this.#options.tokens.get(), signal);
    const response = await this.#fetch(send, token, signal);
    if (response.ok || send.fine?.includes(response.status)) return response;
    const error = await errorOf(response);
    if (response.status !== 401 || send.anonymous) throw error;
    const renewed = await unlessAborted(this.#options.tokens.renew(token), signal);
    if (renewed === undefined) throw error;
    const second = await this.#fetch(send, renewed, signal);
    if (second.ok || send.fine?.includes(second.status)) return second;
    throw await errorOf(second);
  }

  async #fetch(send: Send, token: string | undefined, signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { accept: 'application/json', ...send.headers };
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    if (send.body !== undefined) headers['content-type'] = 'application/json';
    if (send.version !== undefined) headers['if-match'] = `"${send.version}"`;
    const { credentials } = this.#options;
    try {
      return await this.#options.fetch(this.#urlOf(send), {
        method: send.method,
        headers,
        signal,
        cache: 'no-store',
        ...(send.body === undefined ? {} : { body: JSON.stringify(send.body) }),
        ...(credentials === undefined ? {} : { credentials }),
      });
    } catch (error) {
      throw meaning(error, signal, `${this.baseUrl} could not be reached.`);
    }
  }

  /** `/.well-known/…` and `/openapi.json` are the origin's, outside of the API's prefix. */
  #urlOf({ path, query }: Send): string {
    const base = /^\/(\.|openapi\.json$)/.test(path)
      ? this.baseUrl.replace(/^([a-z]+:\/\/[^/]+)\/.*$/i, '$1')
      : this.baseUrl;
    return base + path + queryString(query);
  }
}

/** A token that others wait for too is not given up with one request: only this one stops waiting. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
}

const isStatus = (error: unknown, status: number): boolean => error instanceof ParleyError && error.status === status;

/** What went wrong, in our words: our own errors and the caller's abort pass, the rest is the connection. */
export function meaning(error: unknown, signal: AbortSignal, otherwise = 'The connection broke.'): unknown {
  if (error instanceof ParleyError) return error;
  if (signal.aborted) return signal.reason;
  return connectionError('connection_failed', otherwise, error);
}

function parse(text: string, response: Response): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw errorFrom({
      code: 'invalid_response',
      type: 'connection',
      status: response.status,
      message: 'The server answered with something that is not JSON.',
      requestId: response.headers.get('x-request-id') ?? undefined,
      cause,
    });
  }
}

/** How long to wait before a repeat; undefined when a repeat would be useless or could do the thing twice. */
function retryWait(error: unknown, send: Send, attempt: number): number | undefined {
  if (!(error instanceof ParleyError) || error.code === 'invalid_response') return undefined;
  const { status, code, retryAfterMs } = error;
  const repeatable =
    send.creates || send.repeatable || send.method === 'GET' || send.method === 'PUT' || send.method === 'DELETE';
  const refusedUnheard = status === 429 || (status === 503 && retryAfterMs !== undefined);
  const lost = status === 0 || status === 408 || status === 502 || status === 503 || status === 504;
  const stillRunning = code === 'idempotency_in_progress';
  if (!refusedUnheard && !stillRunning && !(lost && repeatable)) return undefined;
  if (retryAfterMs !== undefined && retryAfterMs > LONGEST_WAIT_MS) return undefined;
  return Math.max(retryAfterMs ?? 0, backoffMs(attempt, RETRY_BASE_MS, RETRY_CAP_MS));
}

/** `?a=1&b=2`, or nothing; undefined values are left out. */
export function queryString(query: Query | undefined): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) params.set(name, String(value));
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}
