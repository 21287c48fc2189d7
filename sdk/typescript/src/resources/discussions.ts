import { type DiscussionEvent, discussionEvent } from '../events.ts';
import { type ExportedFile, exported } from '../exported.ts';
import { type FollowOptions, follow } from '../follow.ts';
import { type List, log } from '../pages.ts';
import { type TranscriptPart, type TranscriptSource, transcript } from '../transcript.ts';
import type { RequestOptions, Transport } from '../transport.ts';
import type {
  Discussion,
  DiscussionFacts,
  DiscussionFork,
  DiscussionInput,
  DiscussionMemory,
  DiscussionPage,
  DiscussionQuery,
  Message,
  MessageInput,
  MessagePage,
  MessageQuery,
  PostedMessage,
  ResumeInput,
  SeatKey,
  Turn,
  TurnClaim,
  TurnContext,
  TurnPage,
  TurnQuery,
} from '../types.ts';

type Command = 'pause' | 'cancel';

/** A transcript reads what was said however long a server takes to come back: about a minute of tries. */
const PATIENCE = 12;

/** Discussions: who speaks when, what was said, and what happens now. */
export class Discussions {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Newest first. */
  list(query: DiscussionQuery = {}, options?: RequestOptions): List<DiscussionFacts, DiscussionPage> {
    return log((asked) => this.#transport.json({ method: 'GET', path: '/discussions', query: asked }, options), query);
  }

  /** A snapshot: `events(id, { cursor: discussion.cursor })` continues from it without a hole. */
  get(id: string, options?: RequestOptions): Promise<Discussion> {
    return this.#transport.json({ method: 'GET', path: pathOf(id) }, options);
  }

  create(body: DiscussionInput, options?: RequestOptions): Promise<Discussion> {
    return this.#transport.json({ method: 'POST', path: '/discussions', body, creates: true }, options);
  }

  /** A new discussion that begins with what was said in this one up to message `seq`. */
  fork(id: string, body: DiscussionFork, options?: RequestOptions): Promise<Discussion> {
    return this.#transport.json({ method: 'POST', path: `${pathOf(id)}/fork`, body, creates: true }, options);
  }

  /** The whole log as a file: Markdown to read (default), or JSON (`DiscussionExport`). */
  export(
    id: string,
    query: { format?: 'markdown' | 'json' } = {},
    options: { signal?: AbortSignal } = {},
  ): Promise<ExportedFile> {
    const send = { method: 'GET', path: `${pathOf(id)}/export`, query, headers: { accept: '*/*' } } as const;
    return exported(this.#transport, send, options.signal);
  }

  /** In order. `after_seq` reads on from there; `before_seq` reads the page that ends there, and then those before it. */
  messages(id: string, query: MessageQuery = {}, options?: RequestOptions): List<Message, MessagePage> {
    const path = `${pathOf(id)}/messages`;
    return log((asked) => this.#transport.json({ method: 'GET', path, query: asked }, options), query);
  }

  /** Says something, as whoever you are. With the `turn` and `fence` of a claim, it ends this turn. */
  post(id: string, body: MessageInput, options?: RequestOptions): Promise<PostedMessage> {
    return this.#transport.json({ method: 'POST', path: `${pathOf(id)}/messages`, body, creates: true }, options);
  }

  /**
   * Takes the turn under way, for the seat or the person whose it is: post with its `turn` and `fence` before the
   * deadline. Claimed again, the older fence is dead.
   */
  claim(id: string, turn: number, options?: RequestOptions): Promise<TurnClaim> {
    return this.#transport.json(
      { method: 'POST', path: `${pathOf(id)}/turns/${turn}/claim`, repeatable: true },
      options,
    );
  }

  /** The key of a seat, shown this once; the one before is dead. It opens this discussion only. */
  issueSeatKey(
    id: string,
    participantId: string,
    body: { expires_in_days?: number } = {},
    options?: RequestOptions,
  ): Promise<SeatKey> {
    return this.#transport.json({ method: 'POST', path: keyPath(id, participantId), body, creates: true }, options);
  }
  revokeSeatKey(id: string, participantId: string, options?: RequestOptions): Promise<void> {
    return this.#transport.json({ method: 'DELETE', path: keyPath(id, participantId) }, options);
  }

  /** In order: who had each, why, and what came of it. */
  turns(id: string, query: TurnQuery = {}, options?: RequestOptions): List<Turn, TurnPage> {
    const path = `${pathOf(id)}/turns`;
    return log((asked) => this.#transport.json({ method: 'GET', path, query: asked }, options), query);
  }

  /** Exactly what the speaker was given for this turn; `not_found` where that is nothing. */
  context(id: string, turn: number, options?: RequestOptions): Promise<TurnContext> {
    return this.#transport.json({ method: 'GET', path: `${pathOf(id)}/turns/${turn}/context` }, options);
  }

  /** What is remembered beside the last messages: the newest summary. */
  memory(id: string, options?: RequestOptions): Promise<DiscussionMemory> {
    return this.#transport.json({ method: 'GET', path: `${pathOf(id)}/memory` }, options);
  }

  pause(id: string, options?: RequestOptions): Promise<Discussion> {
    return this.#command(id, 'pause', options);
  }
  /** Goes on. With `limits`: these in place of what it has, as one that was paused for its cost needs. */
  resume(id: string, { limits, ...options }: RequestOptions & ResumeInput = {}): Promise<Discussion> {
    const body = limits === undefined ? {} : { limits };
    return this.#transport.json({ method: 'POST', path: `${pathOf(id)}/resume`, body }, options);
  }
  cancel(id: string, options?: RequestOptions): Promise<Discussion> {
    return this.#command(id, 'cancel', options);
  }
  /**
   * Ends the turn under way, past a person who is being waited for. With `turn`: only if it is still that one. With
   * `next_speaker` (a participant's id, agent id, user id or name), that one speaks next, under any policy.
   */
  advance(
    id: string,
    { turn, next_speaker, ...options }: RequestOptions & { turn?: number; next_speaker?: string } = {},
  ): Promise<Discussion> {
    const query = turn === undefined ? {} : { turn };
    const body = next_speaker === undefined ? {} : { next_speaker };
    return this.#transport.json({ method: 'POST', path: `${pathOf(id)}/advance`, query, body }, options);
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

  /**
   * A discussion told as it happens, to its end: who has the turn and why, their words as they come, and every message
   * exactly once. Give the discussion as `create` or `get` answered it, or its id; messages that are there already come
   * first, after `after_seq`. Survives what `events` survives. Aborting ends it quietly.
   */
  async *transcript(
    discussion: string | Discussion,
    { after_seq: afterSeq = 0, ...options }: Omit<FollowOptions, 'cursor'> & { after_seq?: number } = {},
  ): AsyncGenerator<TranscriptPart> {
    const id = typeof discussion === 'string' ? discussion : discussion.id;
    const { signal } = options;
    const patient: RequestOptions = { maxRetries: PATIENCE, ...(signal && { signal }) };
    const get = (): Promise<Discussion> => this.get(id, patient);
    const source: TranscriptSource = {
      get,
      messages: (after, upTo) => this.messages(id, { after_seq: after, limit: Math.min(100, upTo - after) }, patient),
      events: (cursor) => this.events(id, { ...options, cursor }),
    };
    try {
      const snapshot = typeof discussion === 'string' ? await get() : discussion;
      yield* transcript(source, { snapshot, afterSeq });
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
  }

  #command(id: string, command: Command, options?: RequestOptions): Promise<Discussion> {
    return this.#transport.json({ method: 'POST', path: `${pathOf(id)}/${command}`, repeatable: true }, options);
  }
}

const pathOf = (id: string): string => `/discussions/${encodeURIComponent(id)}`;
const keyPath = (id: string, participantId: string): string =>
  `${pathOf(id)}/participants/${encodeURIComponent(participantId)}/key`;
