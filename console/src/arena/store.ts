import {
  type ConnectionState,
  type Discussion,
  type DiscussionEvent,
  type Message,
  type Parley,
  ParleyError,
  type Turn,
} from '@parley/sdk';
import {
  type ArenaState,
  applyEvent,
  initialState,
  isOpen,
  type Stale,
  withDiscussion,
  withMessages,
} from './state.ts';

type Schedule = (flush: () => void) => void;
type Command = 'pause' | 'resume' | 'cancel' | 'advance';

const AFTERWARDS_MS = 5_000;
const EVERYTHING: Stale = { messages: true, discussion: true, everything: true };
const NEWS: Stale = { ...EVERYTHING, everything: false };

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
  #ending: ReturnType<typeof setTimeout> | undefined;

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
      const { discussion } = this.#state;
      if (!discussion || !isOpen(discussion)) return;
      const onConnection = (connection: ConnectionState): void => this.#set({ ...this.#state, connection });
      for await (const event of this.#client.discussions.events(this.#id, { cursor, signal, onConnection })) {
        this.#take(event);
      }
    } catch (error) {
      if (!signal.aborted) this.#set({ ...this.#state, failure: error });
    }
  }

  stop(): void {
    clearTimeout(this.#ending);
    this.#controller.abort();
  }

  post(content: string): Promise<void> {
    return this.#act(async () => {
      await this.#client.discussions.post(this.#id, { content });
      this.#refetch(NEWS);
    });
  }

  command(command: Command): Promise<void> {
    return this.#act(async () => {
      const { discussions } = this.#client;
      const turn = this.#state.discussion?.turn;
      // Only the turn that is on the screen: two people who press at once advance once.
      const advance = command === 'advance' && turn !== undefined;
      this.#discussion(advance ? await discussions.advance(this.#id, { turn }) : await discussions[command](this.#id));
    });
  }

  /** What is on the screen may be why the server refused: read it anew. */
  async #act(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (error instanceof ParleyError && error.type === 'conflict') this.#refetch(NEWS);
      throw error;
    }
  }

  /** The cursor comes with the first read; whatever happened since comes as events. */
  async #snapshot(): Promise<string> {
    const { signal } = this.#controller;
    const discussion = await untilReached(() => this.#client.discussions.get(this.#id, { signal }), signal);
    const [items, turns] = await Promise.all([this.#messagesAfter(0), this.#turns(true)]);
    this.#discussion(discussion);
    this.#set({ ...withMessages(this.#state, items), turns, loaded: true });
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
      const stale = this.#stale;
      this.#stale = undefined;
      try {
        await this.#fetch(stale);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ParleyError && error.type === 'connection') {
          this.#stale = stale.everything ? EVERYTHING : NEWS;
          continue;
        }
        this.#set({ ...this.#state, failure: error });
        return;
      }
    }
  }

  /** All at once: whatever is older than another was announced by an event, which makes the next round. */
  async #fetch({ messages, everything }: Stale): Promise<void> {
    const options = { signal: this.#controller.signal, maxRetries: 8 };
    const after = everything ? 0 : (this.#state.messages.at(-1)?.seq ?? 0);
    const [discussion, items, turns] = await Promise.all([
      this.#client.discussions.get(this.#id, options),
      messages ? this.#messagesAfter(after) : [],
      this.#turns(everything),
    ]);
    // After a reset it is another log, perhaps an older one: what is on the screen counts for nothing, not even its version.
    const { connection } = this.#state;
    const before = everything ? { ...initialState, connection, loaded: true } : this.#state;
    this.#set({ ...withMessages(before, items), turns });
    this.#discussion(discussion);
  }

  async #messagesAfter(seq: number): Promise<Message[]> {
    const options = { signal: this.#controller.signal, maxRetries: 8 };
    const items: Message[] = [];
    const query = seq > 0 ? { after_seq: seq } : {};
    for await (const message of this.#client.discussions.messages(this.#id, query, options)) items.push(message);
    return items;
  }

  /** Only the last page can have changed: a long discussion is not read from its beginning again and again. */
  async #turns(anew: boolean): Promise<Turn[]> {
    const options = { signal: this.#controller.signal, maxRetries: 8 };
    const turns = new Map(anew ? [] : this.#state.turns.map((turn) => [turn.turn, turn]));
    if (anew) this.#turnsPage = undefined;
    for (let more = true; more; ) {
      const query = { limit: 100, ...(this.#turnsPage !== undefined && { cursor: this.#turnsPage }) };
      const { items, next_cursor } = await this.#client.discussions.turns(this.#id, query, options);
      for (const turn of items) turns.set(turn.turn, turn);
      more = next_cursor !== null;
      if (next_cursor !== null) this.#turnsPage = next_cursor;
    }
    return [...turns.values()];
  }

  #discussion(discussion: Discussion): void {
    const before = this.#state.discussion;
    this.#set(withDiscussion(this.#state, discussion));
    if (before && isOpen(before) && !isOpen(discussion)) this.#afterwards();
  }

  /** It is over: the last words come, and then the connection is given back (a browser has six for all its tabs). */
  #afterwards(): void {
    this.#refetch(NEWS);
    this.#ending ??= setTimeout(() => this.#controller.abort(), AFTERWARDS_MS);
  }

  #set(state: ArenaState): void {
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
