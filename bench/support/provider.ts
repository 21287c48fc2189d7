import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * An OpenAI-compatible provider that streams at a set pace, run as a process of its own. Each chunk carries the moment
 * it was sent (`@milliseconds;`), and `GET /turns` tells when each request came and when its last chunk left, or when it
 * was abandoned, by the `bench-N` in the discussion's topic; `GET /speaking` those under way. Arguments: chunks an answer, milliseconds between chunks.
 */
const [chunks, gapMs] = process.argv.slice(2).map(Number) as [number, number];
const now = () => performance.timeOrigin + performance.now();
const speaking = new Set<object>();
const turns: { topic: string; askedMs: number; lastChunkMs: number; abandonedMs?: number }[] = [];

const event = (res: ServerResponse, data: unknown) => res.write(`data: ${JSON.stringify(data)}\n\n`);
const chunk = (delta: object, finish: string | null) => ({
  id: 'chatcmpl-bench',
  object: 'chat.completion.chunk',
  created: 0,
  model: 'bench',
  choices: [{ index: 0, delta, finish_reason: finish }],
});

const server = createServer(async (req, res) => {
  if (req.url === '/turns') return void res.end(JSON.stringify(turns));
  if (req.url === '/speaking') return void res.end(JSON.stringify([...speaking]));
  if (req.url?.endsWith('/models'))
    return void res.end(JSON.stringify({ object: 'list', data: [{ id: 'bench', object: 'model' }] }));
  const askedMs = now();
  let body = '';
  for await (const part of req) body += part;
  const turn = { topic: /bench-\d+/.exec(body)?.[0] ?? '', askedMs, lastChunkMs: 0 };
  speaking.add(turn);
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  event(res, chunk({ role: 'assistant', content: '' }, null));
  let sent = 0;
  const timer = setInterval(() => {
    if (sent < chunks) {
      sent += 1;
      turn.lastChunkMs = now();
      event(res, chunk({ content: `@${turn.lastChunkMs.toFixed(2)}; ` }, null));
      return;
    }
    clearInterval(timer);
    turn.lastChunkMs = now();
    turns.push(turn);
    event(res, chunk({}, 'stop'));
    event(res, {
      ...chunk({}, null),
      choices: [],
      usage: { prompt_tokens: 10, completion_tokens: chunks, total_tokens: 10 + chunks },
    });
    res.end('data: [DONE]\n\n');
  }, gapMs);
  res.once('close', () => {
    speaking.delete(turn);
    clearInterval(timer);
    if (!res.writableEnded) turns.push({ ...turn, abandonedMs: now() });
  });
});

server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
