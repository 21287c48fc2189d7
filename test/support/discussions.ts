import type { Client, Member } from './world.ts';

/** A frame of a discussion's event stream; an event of the log has an id, and its own data is within `data.data`. */
export type Frame = {
  readonly id: string | undefined;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests assert what it is.
  readonly data: any;
};

/** A client of `GET …/events`. */
export type Follower = {
  readonly frames: readonly Frame[];
  /** The first frame, past or to come, that this is true of. Rejects when the stream ends before. */
  until(matches: (frame: Frame) => boolean): Promise<Frame>;
  /** Types of the log's events so far, in order. */
  types(): string[];
  /** The id of the newest event of the log. */
  lastId(): string | undefined;
  close(): void;
};

/** Follows a discussion (or what else has such a stream: `of`) over HTTP, from a cursor or from now on. */
export async function follow(
  who: Client,
  id: string,
  { lastEventId, of = 'discussions' }: { lastEventId?: string; of?: string } = {},
): Promise<Follower> {
  const abort = new AbortController();
  const response = await who.open('GET', `/${of}/${id}/events`, undefined, {
    signal: abort.signal,
    ...(lastEventId && { headers: { 'last-event-id': lastEventId } }),
  });
  if (response.status !== 200) throw new Error(`The stream answered ${response.status}: ${await response.text()}`);
  const frames: Frame[] = [];
  const waiting = new Set<{
    matches: (frame: Frame) => boolean;
    resolve(frame: Frame): void;
    reject(error: Error): void;
  }>();
  const take = (frame: Frame) => {
    frames.push(frame);
    for (const waiter of waiting) {
      if (!waiter.matches(frame)) continue;
      waiting.delete(waiter);
      waiter.resolve(frame);
    }
  };
  const end = () => {
    for (const { reject } of waiting)
      reject(new Error(`The stream ended after ${frames.map((f) => f.event).join(', ')}`));
  };
  void read(response, take).then(end, end);
  return {
    frames,
    types: () => frames.filter((frame) => frame.id !== undefined).map((frame) => frame.event),
    lastId: () => frames.findLast((frame) => frame.id !== undefined)?.id,
    until(matches) {
      const known = frames.find((frame) => matches(frame));
      if (known) return Promise.resolve(known);
      return new Promise((resolve, reject) => waiting.add({ matches, resolve, reject }));
    },
    close: () => abort.abort(),
  };
}

async function read(response: Response, take: (frame: Frame) => void): Promise<void> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    for (let at = text.indexOf('\n\n'); at >= 0; at = text.indexOf('\n\n')) {
      const frame = parse(text.slice(0, at));
      text = text.slice(at + 2);
      if (frame) take(frame);
    }
  }
}

function parse(block: string): Frame | undefined {
  const field = (name: string) =>
    block
      .split('\n')
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2);
  const data = field('data');
  return data === undefined
    ? undefined
    : { id: field('id'), event: field('event') ?? 'message', data: JSON.parse(data) };
}

/** Makes agents with these names; a model each, or the rehearsal. */
export async function makeAgents(me: Member, names: readonly string[], model = 'rehearsal') {
  const made: { id: string; name: string }[] = [];
  for (const name of names) {
    const { status, body } = await me.post('/agents', { name, model, instructions: `You are ${name}.` });
    if (status !== 201) throw new Error(`The agent ${name} could not be made: ${JSON.stringify(body)}`);
    made.push(body);
  }
  return made;
}

/** Resolves when a client that began to follow in time, or joined late, has read exactly this of the turn under way. */
export async function heard(events: Follower, text: string): Promise<void> {
  await events.until(() => textSoFar(events.frames) === text);
}

const ABOUT_TEXT = new Set(['turn_started', 'turn_restarted', 'turn_snapshot', 'message_delta']);

/** What snapshots and deltas amount to, as a client puts them together. */
function textSoFar(frames: readonly Frame[]): string {
  let [text, of] = ['', ''];
  for (const { event, data } of frames) {
    if (!ABOUT_TEXT.has(event)) continue;
    const { turn, attempt } = data.data ?? data;
    // Words are live, and on a busy machine they may come before their `turn_started`.
    if (of !== `${turn}/${attempt}`) text = '';
    of = `${turn}/${attempt}`;
    if (event === 'turn_snapshot') text = data.text;
    else if (event === 'message_delta') text = text.slice(0, data.offset) + data.text;
  }
  return text;
}

/** Whether a discussion has come to its end, or stands. */
export const stands = ({ event }: Frame): boolean =>
  event === 'discussion_completed' || event === 'discussion_cancelled' || event === 'discussion_paused';
