import type { ParleyError } from '../errors.ts';
import { seen, type WireEvent } from '../follow.ts';

export type SubscribeOptions = {
  /** Continue after this; as `cursor` of a snapshot or of an earlier event. Absent: from now on. */
  cursor?: string | undefined;
  /** Only events, and live frames, of these types. */
  types?: readonly string[] | undefined;
  /** Aborting ends the iteration quietly. */
  signal?: AbortSignal | undefined;
};

/** Events that wait for who reads them. With more, the channel is left, and taken up again where it was. */
const MAX_WAITING = 2_000;

/** A channel of a socket, over all of its connections: where it is, and what waits to be read. */
export class Channel {
  readonly name: string;
  readonly types: readonly string[] | undefined;
  readonly #waiting: WireEvent[] = [];
  #wake: (() => void) | undefined;
  #end: { error: ParleyError | undefined } | undefined;
  /** Where it goes on. */
  cursor: string | undefined;
  /** The subscription that was asked for last; what an older one sends is not wanted. */
  asked: string | undefined;
  /** It flows on the connection of now. */
  live = false;
  /** More waits than is kept: nothing is taken until all of it has been read. */
  full = false;

  constructor(name: string, { cursor, types }: SubscribeOptions) {
    this.name = name;
    this.cursor = cursor;
    this.types = types;
  }

  /** Takes an event, but one that was there already. Answers false when the reader is too far behind. */
  take(event: WireEvent): boolean {
    const { type, cursor } = event;
    if (!this.live || this.#end) return true;
    if (type !== 'reset' && cursor !== undefined && seen(this.cursor, cursor)) return true;
    if (cursor !== undefined) this.cursor = cursor;
    this.#waiting.push(event);
    this.#wake?.();
    return this.#waiting.length < MAX_WAITING;
  }

  /** No more comes. What waits is still read; then the iteration ends, or throws. */
  end(error?: ParleyError): void {
    this.#end ??= { error };
    this.live = false;
    this.#wake?.();
  }

  /** The next event; undefined at the end. Asks `onEmpty` when nothing waits any more. */
  async next(onEmpty: () => void): Promise<WireEvent | undefined> {
    for (;;) {
      const event = this.#waiting.shift();
      if (event !== undefined) return event;
      if (this.#end?.error) throw this.#end.error;
      if (this.#end) return undefined;
      onEmpty();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
