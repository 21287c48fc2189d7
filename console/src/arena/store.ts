import {
  type ConnectionState,
  type Discussion,
  type DiscussionEvent,
  type Message,
  type Parley,
  ParleyError,
  type ResumeInput,
} from '@parley/sdk';
import { aroundSeq, lastMessages, lastTurns, messagesAfter, olderMessages, olderTurns, turnsFrom } from './reads.ts';
import {
  type ArenaState,
  applyEvent,
  initialState,
  isOpen,
  type Stale,
  withDiscussion,
  withMessages,
  withOlder,
  withStretch,
  withTurns,
} from './state.ts';

type Schedule = (flush: () => void) => void;
type Command = 'pause' | 'resume' | 'cancel' | 'advance';

const AFTERWARDS_MS = 5_000;
/** Who was away for longer than this is taken to the end, not through all that was said. */
const CATCH_UP = 500;
const EVERYTHING: Stale = { messages: true, discussion: true, everything: true };
const NEWS: Stale = { ...EVERYTHING, everything: false };

/**
 * One discussion, followed live: a snapshot with the end of its log, then what happens from its cursor. Survives lost
 * connections and restarted servers, because messages are always fetched after the last one known; what is on the
 * screen is never a guess.
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

  /** Runs until `stop`, or until there is nothing to follow. `at`: the message to begin at, if not the last. */
  async start(at?: number): Promise<void> {
    const { signal } = this.#controller;
    try {
      const cursor = await this.#snapshot(at);
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
      const posted = await this.#client.discussions.post(this.#id, { content });
      if (this.#state.newer !== 'none') await this.show(posted.seq);
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

  /** Goes on with these limits in place of those it has. */
  raise(limits: NonNullable<ResumeInput['limits']>): Promise<void> {
    return this.#act(async () => this.#discussion(await this.#client.discussions.resume(this.#id, { limits })));
  }

  /** Says who speaks next: in place of the policy, or because it waits for that. */
  name(participantId: string): Promise<void> {
    return this.#act(async () => {
      const turn = this.#state.discussion?.turn;
      const asked = { next_speaker: participantId, ...(turn !== undefined && { turn }) };
      this.#discussion(await this.#client.discussions.advance(this.#id, asked));
      this.#refetch(NEWS);
    });
  }

  /** The page before the first message that is here. */
  async older(): Promise<void> {
    const [first] = this.#state.messages;
    if (!first || this.#state.older === 'none' || this.#state.older === 'loading') return;
    this.#set({ ...this.#state, older: 'loading' });
    try {
      this.#set(withOlder(this.#state, await olderMessages(this.#source, first.seq)));
      await this.#turnsOfStretch();
    } catch {
      this.#set({ ...this.#state, older: 'failed' });
    }
  }

  /** The page after the last message that is here, where older ones are looked at. */
  async newer(): Promise<void> {
    const last = this.#state.messages.at(-1);
    if (!last || this.#state.newer === 'none' || this.#state.newer === 'loading') return;
    this.#set({ ...this.#state, newer: 'loading' });
    try {
      const items = await messagesAfter(this.#source, { after: last.seq, pages: 1 });
      const next = withMessages(this.#state, items);
      const end = (next.messages.at(-1)?.seq ?? 0) >= (next.discussion?.messages ?? 0);
      this.#set({ ...next, newer: end ? 'none' : 'more' });
      await this.#turnsOfStretch();
      this.#refetch(NEWS);
    } catch {
      this.#set({ ...this.#state, newer: 'failed' });
    }
  }

  /** Sees to it that this message is here, with those around it. */
  async show(seq: number): Promise<void> {
    const { messages } = this.#state;
    if (seq >= (messages[0]?.seq ?? Infinity) && seq <= (messages.at(-1)?.seq ?? 0)) return;
    this.#set(withStretch(this.#state, await aroundSeq(this.#source, seq)));
    await this.#turnsOfStretch();
    if (this.#state.newer === 'none') this.#refetch(NEWS);
  }

  /** To the end of the log, from wherever. */
  async latest(): Promise<void> {
    if (this.#state.newer === 'none') return;
    const end = this.#state.discussion?.messages ?? 0;
    this.#set(withStretch(this.#state, await lastMessages(this.#source, end)));
    this.#refetch(NEWS);
  }

  async olderTurns(): Promise<void> {
    const [first] = this.#state.turns;
    if (!first || this.#state.olderTurns === 'none' || this.#state.olderTurns === 'loading') return;
    this.#set({ ...this.#state, olderTurns: 'loading' });
    try {
      const { items, more } = await olderTurns(this.#source, first.turn);
      this.#set({ ...withTurns(this.#state, items), olderTurns: more ? 'more' : 'none' });
    } catch {
      this.#set({ ...this.#state, olderTurns: 'failed' });
    }
  }

  get #source() {
    return { client: this.#client, id: this.#id, signal: this.#controller.signal };
  }

  /** Why each message of the stretch was whose, where it is far from the last turns. */
  async #turnsOfStretch(): Promise<void> {
    const { messages, turns, asides } = this.#state;
    const known = turns[0]?.turn ?? Infinity;
    const wanted = messages.flatMap(({ turn }) => (turn !== null && turn < known && !asides.has(turn) ? [turn] : []));
    const [first, last] = [wanted[0], wanted.at(-1)];
    if (first === undefined || last === undefined) return;
    const read = await turnsFrom(this.#source, { first, last });
    this.#set({ ...this.#state, asides: new Map([...this.#state.asides, ...read.map((t) => [t.turn, t] as const)]) });
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
  async #snapshot(at?: number): Promise<string> {
    const { signal } = this.#controller;
    const discussion = await untilReached(() => this.#client.discussions.get(this.#id, { signal }), signal);
    await this.#begin(discussion, at);
    return discussion.cursor;
  }

  async #begin(discussion: Discussion, at?: number): Promise<void> {
    const here = at !== undefined && at > 0 && at <= discussion.messages;
    const [items, turns] = await Promise.all([
      here ? aroundSeq(this.#source, at) : lastMessages(this.#source, discussion.messages),
      lastTurns(this.#source, discussion.turn),
    ]);
    this.#discussion(discussion);
    const olderTurns = turns.more ? ('more' as const) : ('none' as const);
    const whole = { ...withTurns(withStretch(this.#state, items), turns.items), olderTurns, loaded: true };
    this.#set(whole);
    if (here) await this.#turnsOfStretch();
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
    if (everything) {
      // After a reset it is another log, perhaps an older one: what is on the screen counts for nothing, not even its version.
      const discussion = await this.#client.discussions.get(this.#id, options);
      const { connection } = this.#state;
      this.#state = { ...initialState, connection, loaded: true, discussion };
      return this.#begin(discussion);
    }
    const after = this.#state.messages.at(-1)?.seq ?? 0;
    const follows = messages && this.#state.newer === 'none';
    const [discussion, items, turns] = await Promise.all([
      this.#client.discussions.get(this.#id, options),
      follows ? messagesAfter(this.#source, { after, pages: CATCH_UP / 100 }) : ([] as Message[]),
      turnsFrom(this.#source, { first: this.#unsettledTurn() }),
    ]);
    if (follows && this.#state.newer === 'none') this.#set(withMessages(this.#state, items));
    this.#set(withTurns(this.#state, turns));
    this.#discussion(discussion);
    const behind = discussion.messages - (this.#state.messages.at(-1)?.seq ?? 0);
    if (follows && items.length >= CATCH_UP && behind > 0)
      this.#set(withStretch(this.#state, await lastMessages(this.#source, discussion.messages)));
  }

  /** What was settled stays as it is: only the turns from here on can have changed. */
  #unsettledTurn(): number {
    const { turns } = this.#state;
    return turns.find(({ ended_at }) => ended_at === null)?.turn ?? (turns.at(-1)?.turn ?? 0) + 1;
  }

  #discussion(discussion: Discussion): void {
    const before = this.#state.discussion;
    this.#set(withDiscussion(this.#state, discussion, Date.now()));
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
