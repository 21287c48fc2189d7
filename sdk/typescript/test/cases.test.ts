import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import * as sdk from '../src/index.ts';
import { hear, type LiveText } from '../src/live-text.ts';
import { type SseFrame, SseParser } from '../src/sse.ts';
import { json, live, logged, error as refusal, scripted, sse } from './server.ts';

/** The golden cases that the server passes too: contracts/cases/README.md. */
function casesOf<T>(name: string): T[] {
  const file = new URL(`../../../contracts/cases/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { cases: T[] }).cases;
}

type Answer = { status: number; headers: Record<string, string>; body?: unknown; text?: string };
type Expected = { class: string; retry_after_ms: number | null; request_id: string | null; fields: sdk.FieldProblem[] };
type ErrorCase = { name: string; answer: Answer; error: Expected & Record<'code' | 'type' | 'message', string> };

suite('errors.json: which error an answer is', () => {
  for (const { name, answer, error } of casesOf<ErrorCase>('errors'))
    test(name, async (t) => {
      const { status, headers, body, text = JSON.stringify(body) } = answer;
      const { baseUrl } = await scripted(t, [(response) => void response.writeHead(status, headers).end(text)]);
      const parley = new sdk.Parley({ baseUrl, apiKey: 'k', maxRetries: 0 });
      const thrown = await parley.agents.get('a').catch((problem: unknown) => problem);
      assert(thrown instanceof sdk.ParleyError);
      assert.deepEqual(
        {
          ...{
            class: thrown.name,
            code: thrown.code,
            type: thrown.type,
            status: thrown.status,
            message: thrown.message,
          },
          ...{
            request_id: thrown.requestId ?? null,
            retry_after_ms: thrown.retryAfterMs ?? null,
            fields: thrown.fields,
          },
        },
        error,
      );
      assert.equal(
        thrown.constructor,
        (sdk as unknown as Record<string, unknown>)[error.class],
        'the class is exported',
      );
    });
});

type Refused = { name: string; status: number; answer: { error: { details: { fields: sdk.FieldProblem[] } } } };
suite('validation.json: which fields were refused', () => {
  for (const { name, status, answer } of casesOf<Refused>('validation'))
    test(name, async (t) => {
      const { baseUrl } = await scripted(t, [json(status, answer)]);
      const asked = new sdk.Parley({ baseUrl, apiKey: 'k' }).agents.list();
      const thrown = await asked.catch((problem: unknown) => problem);
      assert(thrown instanceof sdk.ValidationError && thrown instanceof sdk.InvalidRequestError);
      assert.deepEqual(thrown.fields, answer.error.details.fields);
    });
});

type Page = { items: number[] } & Record<string, unknown>;
type Paging = {
  name: string;
  list: 'agents' | 'messages';
  exchanges: { query: Record<string, string>; answer: Page }[];
};
suite('paging.json: how a list is read to its end', () => {
  for (const { name, list, exchanges } of casesOf<Paging>('paging'))
    test(name, async (t) => {
      const pages = exchanges.map(({ answer }) => ({
        ...answer,
        items: answer.items.map((seq) => ({ id: seq, seq })),
      }));
      const { baseUrl, seen } = await scripted(t, [json(200, pages[0]), ...pages.map((page) => json(200, page))]);
      const { agents, discussions } = new sdk.Parley({ baseUrl, apiKey: 'k' });
      const query = Object.fromEntries(Object.entries(exchanges[0]?.query ?? {}).map(([key, n]) => [key, Number(n)]));
      const asked: sdk.List<{ id: unknown }> =
        list === 'agents' ? agents.list(query) : discussions.messages('d', query);
      const first = await asked;
      assert.deepEqual(first, pages[0]);
      const items: unknown[] = [];
      for await (const { id } of asked) items.push(id);
      assert.deepEqual(
        items,
        exchanges.flatMap(({ answer }) => answer.items),
      );
      const sent = seen.map(({ url }) => Object.fromEntries(new URL(url, baseUrl).searchParams));
      const wanted = exchanges.map((exchange) => exchange.query);
      assert.deepEqual(sent, [wanted[0], ...wanted]);
    });
});

type Framing = {
  name: string;
  chunks: string[];
  frames: { event: string; id: string | null; data: string }[];
  retry_ms?: number[];
};
suite('sse.json: what an event stream looks like', () => {
  for (const { name, chunks, frames, retry_ms = [] } of casesOf<Framing>('sse'))
    test(name, () => {
      const got: SseFrame[] = [];
      const hints: number[] = [];
      const parser = new SseParser({ onFrame: (frame) => got.push(frame), onRetry: (ms) => hints.push(ms) });
      for (const chunk of chunks) parser.push(chunk);
      assert.deepEqual(
        got.map((frame) => ({ ...frame, id: frame.id ?? null })),
        frames,
      );
      if (retry_ms.length > 0) assert.deepEqual(hints, retry_ms);
    });
});

type Live = { name: string; frames: { event: string; data: object }[]; texts: (LiveText | null)[]; from?: number };
suite('live-text.json: how words come together', () => {
  for (const { name, frames, texts, from = 0 } of casesOf<Live>('live-text'))
    test(name, () => {
      let heard: LiveText | undefined;
      const got = frames.slice(from).map(({ event, data }) => {
        heard = hear(heard, { type: event, data });
        return heard ?? null;
      });
      assert.deepEqual(got, texts);
    });
});

type Sent = number | { live: string } | { reset: string; reason: string } | { id: string };
type Connection = {
  last_event_id: number | string;
  sends?: Sent[];
  half?: number;
  then?: 'cut' | 'ends' | 'stays' | 'refused';
  status?: number;
  code?: string;
  retry_after?: number;
};
type Resume = { name: string; from: number; connections: Connection[]; yields: unknown[]; throws?: string };
const AFTERWARDS = { cut: 'cut', ends: 'end', stays: 'hang', refused: 'cut' } as const;

suite('resume.json: how a stream goes on after a break', () => {
  for (const { name, from, connections, yields, throws } of casesOf<Resume>('resume'))
    test(name, async (t) => {
      const { baseUrl, seen } = await scripted(t, connections.map(answerOf));
      const { discussions } = new sdk.Parley({ baseUrl, apiKey: 'k' });
      const got: unknown[] = [];
      const follow = async (): Promise<void> => {
        for await (const event of discussions.events('d', { cursor: `e1.${from}` })) {
          got.push(told(event));
          if (got.length === yields.length && throws === undefined) break;
        }
      };
      if (throws === undefined) await follow();
      else await assert.rejects(follow(), { code: throws });
      assert.deepEqual(got, yields);
      const places = connections.map(({ last_event_id: at }) => (typeof at === 'number' ? `e1.${at}` : at));
      assert.deepEqual(
        seen.map(({ headers }) => headers['last-event-id']),
        places,
      );
    });
});

function answerOf({ sends = [], half, then, status, code, retry_after: wait }: Connection): ReturnType<typeof sse> {
  if (status !== undefined)
    return refusal(status, code ?? '', {}, wait === undefined ? {} : { 'retry-after': String(wait) });
  if (then === 'refused') return (response) => void response.destroy();
  const cutOff = half === undefined ? [] : [logged(half, 'turn_started').slice(0, 40)];
  return sse(['retry: 100\n\n', ...sends.map(frameOf), ...cutOff], AFTERWARDS[then ?? 'stays']);
}

function frameOf(sent: Sent): string {
  if (typeof sent === 'number') return logged(sent, 'turn_started');
  if ('live' in sent) return live('message_delta', { offset: 0, text: sent.live });
  if ('reset' in sent) {
    const data = JSON.stringify({ cursor: sent.reset, reason: sent.reason });
    return `id: ${sent.reset}\nevent: reset\ndata: ${data}\n\n`;
  }
  const [epoch, position] = sent.id.split('.');
  return logged(Number(position), 'turn_started', {}, epoch);
}

/** An event in the words of the case. */
function told(event: sdk.DiscussionEvent): unknown {
  if (event.type === 'reset') return { reset: event.cursor };
  if (event.type === 'message_delta') return { live: event.data.text };
  const [epoch, position] = String(event.cursor).split('.');
  return epoch === 'e1' ? Number(position) : event.cursor;
}

type WebhookCase = {
  name: string;
  headers: Record<string, string>;
  body: string;
  secret: string;
  now: string;
  event: object | null;
};

suite('webhooks.json: which delivery to trust', () => {
  for (const { name, headers, body, secret, now, event } of casesOf<WebhookCase>('webhooks'))
    test(name, async () => {
      const verified = sdk.verifyWebhook(secret, headers, body, { now: new Date(now) });
      if (event !== null) assert.deepEqual(await verified, event);
      else await assert.rejects(verified, sdk.WebhookVerificationError);
    });
});
