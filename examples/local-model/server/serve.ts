import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Answer, Engine } from './contract.ts';
import { ApiError, fault } from './errors.ts';
import { type Asked, parseChat } from './parse.ts';
import { Queue } from './queue.ts';

const MAX_BODY_BYTES = 2 * 1024 * 1024;
/** A request has to arrive within this; what is answered may take its time. */
const REQUEST_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 256;
/** Between two signs of life while nothing is said: a prompt may take a while to be read. */
const PING_MS = 5_000;
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);

export type ModelServer = {
  /** `http://127.0.0.1:PORT/v1` */
  readonly url: string;
  /** Stops what is being said, and closes. The engine stays its owner's. */
  close(): Promise<void>;
};

type Options = {
  readonly engine: Engine;
  /** 0 takes a free one. */
  readonly port: number;
  /** How many requests may wait when all hands are busy. Default 16. */
  readonly places?: number;
  readonly pingMs?: number;
};

/** Serves one model over OpenAI's wire, to this machine only. Rejects when the port is taken. */
export async function serveModel({ engine, port, places = 16, pingMs = PING_MS }: Options): Promise<ModelServer> {
  const ended = new AbortController();
  const queue = new Queue({ slots: engine.slots, places });
  const created = Math.floor(Date.now() / 1000);
  const desk = { engine, queue, created, pingMs, ended: ended.signal };
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (req, res) => {
    void answer(desk, req, res);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, port);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    async close() {
      ended.abort(new ApiError(503, { code: 'stopping', message: 'The server is stopping.' }));
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeIdleConnections();
      });
    },
  };
}

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', () => resolve());
  });

type Desk = {
  readonly engine: Engine;
  readonly queue: Queue;
  readonly created: number;
  readonly pingMs: number;
  readonly ended: AbortSignal;
};

/** Never rejects. */
async function answer(desk: Desk, req: IncomingMessage, res: ServerResponse): Promise<void> {
  try {
    await route(desk, req, res);
  } catch (error) {
    const told = error instanceof ApiError ? error : undefined;
    if (told === undefined && !res.destroyed)
      process.stderr.write(`local-model: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    fail(
      res,
      told ?? new ApiError(500, { code: 'internal_error', message: 'The model failed; see the server’s output.' }),
    );
  }
}

function fail(res: ServerResponse, error: ApiError): void {
  if (res.destroyed) return;
  if (res.headersSent) {
    const { socket } = res;
    send(res, error.body);
    res.end(() => socket?.end());
  } else json(res, error.status, error.body, { ...error.headers, connection: 'close' });
}

function json(res: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  const bytes = Buffer.from(JSON.stringify(body));
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': String(bytes.length), ...headers });
  res.end(bytes);
}

const send = (res: ServerResponse, data: unknown): boolean => res.write(`data: ${JSON.stringify(data)}\n\n`);

async function route(desk: Desk, req: IncomingMessage, res: ServerResponse): Promise<void> {
  checkHost(req);
  const { engine, queue, created } = desk;
  const path = (req.url ?? '/').split('?', 1)[0] as string;
  const model = { id: engine.model, object: 'model', created, owned_by: 'local', context_length: engine.contextTokens };
  const routes: Record<string, [method: string, handle: () => void | Promise<void>]> = {
    '/health': [
      'GET',
      () => json(res, 200, { status: 'ok', model: engine.model, slots: engine.slots, ...queue.state }),
    ],
    '/v1/models': ['GET', () => json(res, 200, { object: 'list', data: [model] })],
    [`/v1/models/${engine.model}`]: ['GET', () => json(res, 200, model)],
    '/v1/chat/completions': ['POST', () => chat(desk, req, res)],
  };
  const found = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (found === undefined)
    throw new ApiError(404, { code: 'not_found', message: `There is nothing at ${path.slice(0, 200)}.` });
  const [method, handle] = found;
  if (req.method !== method)
    throw new ApiError(405, {
      code: 'method_not_allowed',
      message: `${path} takes ${method} only.`,
      headers: { allow: method },
    });
  await handle();
}

/** A page in a browser can be given any name that leads here; only this machine's own are answered to. */
function checkHost({ headers }: IncomingMessage): void {
  const name = (headers.host ?? '').replace(/:\d+$/, '');
  if (!LOOPBACK.has(name))
    throw new ApiError(403, {
      code: 'forbidden_host',
      param: 'Host',
      message: 'This server answers its own machine only.',
    });
}

async function chat(desk: Desk, req: IncomingMessage, res: ServerResponse): Promise<void> {
  // A page of another origin cannot send this type without asking first, and is never allowed to.
  if (!/^application\/json\b/i.test(req.headers['content-type'] ?? ''))
    throw new ApiError(415, {
      code: 'unsupported_media_type',
      param: 'Content-Type',
      message: 'Content-Type must be application/json.',
    });
  const asked = parseChat(await readBody(req));
  checkAsked(desk.engine, asked);
  desk.queue.checkRoom();
  const left = new AbortController();
  res.once('close', () => left.abort(new DOMException('The client left.', 'AbortError')));
  const signal = AbortSignal.any([left.signal, desk.ended]);
  try {
    await (asked.stream ? streamed(desk, { asked, signal, res }) : whole(desk, { asked, signal, res }));
  } catch (error) {
    if (!left.signal.aborted) throw error;
  }
}

function checkAsked(engine: Engine, asked: Asked): void {
  const { model, contextTokens } = engine;
  if (asked.model !== undefined && asked.model !== model)
    throw new ApiError(404, {
      code: 'model_not_found',
      param: 'model',
      message: `There is no model ${asked.model.slice(0, 100)} here, only ${model}.`,
    });
  const tokens = engine.count(asked.messages);
  if (tokens >= contextTokens)
    throw fault(
      'messages',
      `are ${tokens} tokens: this model's maximum context length is ${contextTokens} tokens, the answer included`,
      'context_length_exceeded',
    );
}

async function readBody(req: IncomingMessage): Promise<string> {
  const tooLarge = new ApiError(413, {
    code: 'body_too_large',
    param: 'body',
    message: `The body must be ${MAX_BODY_BYTES} bytes at most.`,
  });
  if (Number(req.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge;
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of req as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > MAX_BODY_BYTES) throw tooLarge;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

type Work = { readonly asked: Asked; readonly signal: AbortSignal; readonly res: ServerResponse };

async function whole({ engine, queue }: Desk, { asked, signal, res }: Work): Promise<void> {
  let content = '';
  const onText = (text: string) => {
    content += text;
  };
  const done = await queue.run(signal, () => engine.generate(asked, { signal, onText }));
  json(res, 200, {
    ...head(engine, 'chat.completion'),
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: done.finishReason, logprobs: null }],
    usage: usageOf(done),
  });
}

async function streamed({ engine, queue, pingMs }: Desk, { asked, signal, res }: Work): Promise<void> {
  const common = head(engine, 'chat.completion.chunk');
  const chunk = (delta: object, finish_reason: string | null = null) =>
    send(res, { ...common, choices: [{ index: 0, delta, finish_reason, logprobs: null }] });
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' });
  chunk({ role: 'assistant', content: '' });
  const ping = setInterval(() => res.write(': still reading\n\n'), pingMs);
  try {
    const onText = (content: string) => {
      clearInterval(ping);
      if (content !== '') chunk({ content });
    };
    const done = await queue.run(signal, () => engine.generate(asked, { signal, onText }));
    chunk({}, done.finishReason);
    if (asked.includeUsage) send(res, { ...common, choices: [], usage: usageOf(done) });
    res.end('data: [DONE]\n\n');
  } finally {
    clearInterval(ping);
  }
}

const head = ({ model }: Engine, object: string) => ({
  id: `chatcmpl-${randomUUID()}`,
  object,
  created: Math.floor(Date.now() / 1000),
  model,
});

const usageOf = ({ promptTokens, cachedTokens, completionTokens }: Answer) => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
  prompt_tokens_details: { cached_tokens: cachedTokens },
});
