import { type ConnectionState, type Discussion, type DiscussionEvent, type Parley, ParleyError } from '@parley/sdk';
import { type ArenaState, applyEvent, initialState, type Stale, withDiscussion, withMessages } from './state.ts';

type Schedule = (flush: () => void) => void;

/**
 * One discussion, followed live: a snapshot, then the log from its cursor. Survives lost connections and restarted
 * servers, because messages are always fetched after the last one known; what is on the screen is never a guess.
 */
export class Arena {
  readonly #client: Parley;
  readonly #id: string;
  readonly #schedule: Schedule;
  readonly #listeners = new Set<() => void>();
  readonly #controller = new AbortController();
  #state: ArenaState = initialState;
  #scheduled = false;
  #fetching = false;
  #stale: Stale | undefined;
  /** The cursor of the page of turns that is not full yet. */
  #turnsPage: string | undefined;

  /** `schedule` says when the screen is drawn; many tokens come between two frames. */
  constructor(client: Parley, id: string, schedule: Schedule) {
    this.#client = client;
    this.#id = id;
    this.#schedule = schedule;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly state = (): ArenaState => this.#state;

  /** Runs until `stop`, or until there is nothing to follow. */
  async start(): Promise<void> {
    const { signal } = this.#controller;
    try {
      const cursor = await this.#snapshot();
      const onConnection = (connection: ConnectionState): void => this.#set({ ...this.#state, connection });
      for await (const event of this.#client.discussions.events(this.#id, { cursor, signal, onConnection })) {
        this.#take(event);
      }
    } catch (error) {
      if (!signal.aborted) this.#set({ ...this.#state, failure: error });
    }
  }

  stop(): void {
    this.#controller.abort();
  }

  post(content: string): Promise<void> {
    return this.#act(async () => {
      await this.#client.discussions.post(this.#id, { content });
      this.#refetch({ messages: true, discussion: true, everything: false });
    });
  }

  command(command: 'pause' | 'resume' | 'cancel' | 'advance'): Promise<void> {
    return this.#act(async () => this.#discussion(await this.#client.discussions[command](this.#id)));
  }

  /** What is on the screen may be why the server refused: read it anew. */
  async #act(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (error instanceof ParleyError && error.type === 'conflict') {
        this.#refetch({ messages: true, discussion: true, everything: false });
      }
      throw error;
    }
  }

  /** The cursor comes with the first read; whatever happened since comes as events. */
  async #snapshot(): Promise<string> {
    const { signal } = this.#controller;
    const discussion = await untilReached(() => this.#client.discussions.get(this.#id, { signal }), signal);
    this.#discussion(discussion);
    await this.#messages();
    this.#set({ ...this.#state, loaded: true });
    return discussion.cursor;
  }

  #take(event: DiscussionEvent): void {
    const { state, stale } = applyEvent(this.#state, event, Date.now());
    this.#set(state);
    if (stale.messages || stale.discussion) this.#refetch(stale);
  }

  /** One fetch at a time; whatever became stale meanwhile is fetched in the next round. */
  #refetch(stale: Stale): void {
    const before = this.#stale;
    this.#stale = {
      messages: stale.messages || (before?.messages ?? false),
      discussion: stale.discussion || (before?.discussion ?? false),
      everything: stale.everything || (before?.everything ?? false),
    };
    if (this.#fetching) return;
    this.#fetching = true;
    void this.#fetchAll().finally(() => {
      this.#fetching = false;
    });
  }

  async #fetchAll(): Promise<void> {
    const { signal } = this.#controller;
    while (this.#stale && !signal.aborted) {
      const { messages, everything } = this.#stale;
      this.#stale = undefined;
      try {
        if (everything) this.#set({ ...this.#state, messages: [], live: undefined });
        const discussion = await this.#client.discussions.get(this.#id, { signal, maxRetries: 8 });
        if (messages) await this.#messages();
        this.#discussion(discussion);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ParleyError && error.type === 'connection') {
          this.#stale ??= { messages: true, discussion: true, everything: false };
          continue;
        }
        this.#set({ ...this.#state, failure: error });
        return;
      }
    }
  }

  async #messages(): Promise<void> {
    const { signal } = this.#controller;
    const after = this.#state.messages.at(-1)?.seq ?? 0;
    const query = after > 0 ? { after_seq: after } : {};
    const items = [];
    for await (const message of this.#client.discussions.allMessages(this.#id, query, { signal, maxRetries: 8 })) {
      items.push(message);
    }
    await this.#turns();
    this.#set(withMessages(this.#state, items));
  }

  /** Only the last page can have changed: a long discussion is not read from its beginning again and again. */
  async #turns(): Promise<void> {
    const options = { signal: this.#controller.signal, maxRetries: 8 };
    const turns = new Map(this.#state.turns.map((turn) => [turn.turn, turn]));
    for (let more = true; more; ) {
      const query = { limit: 100, ...(this.#turnsPage !== undefined && { cursor: this.#turnsPage }) };
      const { items, next_cursor } = await this.#client.discussions.turns(this.#id, query, options);
      for (const turn of items) turns.set(turn.turn, turn);
      more = next_cursor !== null;
      if (next_cursor !== null) this.#turnsPage = next_cursor;
    }
    this.#set({ ...this.#state, turns: [...turns.values()] });
  }

  #discussion(discussion: Discussion): void {
    this.#set(withDiscussion(this.#state, discussion));
  }

  #set(state: ArenaState): void {
    if (state === this.#state) return;
    this.#state = state;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule(() => {
      this.#scheduled = false;
      for (const listener of this.#listeners) listener();
    });
  }
}

/** The first read too outlives a server that is just starting: a minute of tries. */
async function untilReached<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      return await read();
    } catch (error) {
      const mendable = error instanceof ParleyError && error.type === 'connection';
      if (!mendable || signal.aborted || Date.now() > deadline) throw error;
    }
  }
}
