import { type DiscussionEvent, discussionEvent } from '../events.ts';
import { type FollowOptions, follow } from '../follow.ts';
import { eachOfCursor } from '../pages.ts';
import type { RequestOptions, Transport } from '../transport.ts';
import type {
  Discussion,
  DiscussionFacts,
  DiscussionInput,
  DiscussionPage,
  DiscussionQuery,
  Message,
  MessagePage,
  MessageQuery,
  PostedMessage,
  Turn,
  TurnPage,
  TurnQuery,
} from '../types.ts';

type Command = 'pause' | 'resume' | 'cancel';

/** Discussions: who speaks when, what was said, and what happens now. */
export class Discussions {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(query: DiscussionQuery = {}, options?: RequestOptions): Promise<DiscussionPage> {
    return this.#transport.json({ method: 'GET', path: '/discussions', query }, options);
  }

  all(query: Omit<DiscussionQuery, 'cursor'> = {}, options?: RequestOptions): AsyncGenerator<DiscussionFacts> {
    return eachOfCursor((cursor) => this.list({ limit: 100, ...query, ...(cursor && { cursor }) }, options));
  }

  /** A snapshot: `events(id, { cursor: discussion.cursor })` continues from it without a hole. */
  get(id: string, options?: RequestOptions): Promise<Discussion> {
    return this.#transport.json({ method: 'GET', path: pathOf(id) }, options);
  }

  create(body: DiscussionInput, options?: RequestOptions): Promise<Discussion> {
    return this.#transport.json({ method: 'POST', path: '/discussions', body, creates: true }, options);
  }

  messages(id: string, query: MessageQuery = {}, options?: RequestOptions): Promise<MessagePage> {
    return this.#transport.json({ method: 'GET', path: `${pathOf(id)}/messages`, query }, options);
  }

  /** Every message after `after_seq`, in order. */
  async *allMessages(
    id: string,
    query: { after_seq?: number } = {},
    options?: RequestOptions,
  ): AsyncGenerator<Message> {
    for (let after = query.after_seq ?? 0; ; ) {
      const { items } = await this.messages(id, { after_seq: after, limit: 100 }, options);
      yield* items;
      const last = items.at(-1);
      if (last === undefined || items.length < 100) return;
      after = last.seq;
    }
  }

  /** Says something, as whoever you are. */
  post(id: string, body: { content: string }, options?: RequestOptions): Promise<PostedMessage> {
    return this.#transport.json({ method: 'POST', path: `${pathOf(id)}/messages`, body, creates: true }, options);
  }

  turns(id: string, query: TurnQuery = {}, options?: RequestOptions): Promise<TurnPage> {
    return this.#transport.json({ method: 'GET', path: `${pathOf(id)}/turns`, query }, options);
  }

  /** Every turn, in order: who had it, why, and what came of it. */
  allTurns(id: string, options?: RequestOptions): AsyncGenerator<Turn> {
    return eachOfCursor((cursor) => this.turns(id, { limit: 100, ...(cursor && { cursor }) }, options));
  }

  pause(id: string, options?: RequestOptions): Promise<Discussion> {
    return this.#command(id, 'pause', options);
  }
  resume(id: string, options?: RequestOptions): Promise<Discussion> {
    return this.#command(id, 'resume', options);
  }
  cancel(id: string, options?: RequestOptions): Promise<Discussion> {
    return this.#command(id, 'cancel', options);
  }
  /** Ends the turn under way, past a person who is being waited for. With `turn`: only if it is still that one. */
  advance(id: string, options: RequestOptions & { turn?: number } = {}): Promise<Discussion> {
    const query = options.turn === undefined ? {} : { turn: options.turn };
    return this.#transport.json({ method: 'POST', path: `${pathOf(id)}/advance`, query }, options);
  }

  /**
   * What happens, as it happens, for as long as you iterate. Survives lost connections and restarted servers;
   * continues where it was, without a hole or a repeat.
   */
  async *events(id: string, options: FollowOptions = {}): AsyncGenerator<DiscussionEvent> {
    for await (const event of follow(this.#transport, { path: `${pathOf(id)}/events` }, options)) {
      yield discussionEvent(event);
    }
  }

  #command(id: string, command: Command, options?: RequestOptions): Promise<Discussion> {
    return this.#transport.json({ method: 'POST', path: `${pathOf(id)}/${command}` }, options);
  }
}

const pathOf = (id: string): string => `/discussions/${encodeURIComponent(id)}`;
