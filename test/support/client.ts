import { hesitate } from './hesitate.ts';

/** An answer as tests look at it. */
export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed JSON, or the text where it is none. Tests assert what it is. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads any answer, and fails where it is another.
  readonly body: any;
};

export type RequestOptions = {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
};

/** Requests of one caller. A path begins below the API's prefix; `//docs` means `/docs` of the server itself. */
export type Client = {
  /** The caller's `Authorization` header, for what is not asked through here (EventSource, the OpenAI client). */
  readonly authorization: string | undefined;
  get(path: string, options?: RequestOptions): Promise<Answer>;
  post(path: string, body?: unknown, options?: RequestOptions): Promise<Answer>;
  put(path: string, body?: unknown, options?: RequestOptions): Promise<Answer>;
  patch(path: string, body?: unknown, options?: RequestOptions): Promise<Answer>;
  delete(path: string, options?: RequestOptions): Promise<Answer>;
  /** The response itself, unread: for streams. */
  open(method: string, path: string, body?: unknown, options?: RequestOptions): Promise<Response>;
};

/** `base()` is asked with every request: a server that is started again may have another port. */
export function createClient(base: () => { url: string; prefix: string }, token?: string): Client {
  const authorization = token === undefined ? undefined : `Bearer ${token}`;
  const open: Client['open'] = async (method, path, body, { headers = {}, signal } = {}) => {
    const { url, prefix } = base();
    const target = path.startsWith('//') ? `${url}${path.slice(1)}` : `${url}${prefix}${path}`;
    await hesitate();
    const response = await fetch(target, {
      method,
      headers: {
        ...(authorization !== undefined && { authorization }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    await hesitate();
    return response;
  };
  const ask = async (...request: Parameters<Client['open']>): Promise<Answer> => {
    const response = await open(...request);
    const text = await response.text();
    const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      body: isJson && text !== '' ? JSON.parse(text) : text,
    };
  };
  return {
    authorization,
    open,
    get: (path, options) => ask('GET', path, undefined, options),
    post: (path, body, options) => ask('POST', path, body, options),
    put: (path, body, options) => ask('PUT', path, body, options),
    patch: (path, body, options) => ask('PATCH', path, body, options),
    delete: (path, options) => ask('DELETE', path, undefined, options),
  };
}
