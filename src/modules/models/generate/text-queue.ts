/**
 * Pieces of text on their way from who makes them to one reader. Nothing is lost when nobody reads yet; what waits is
 * bounded by the answer's own limit (`MAX_TEXT_CHARS`). `onLeave` is called when the reader stops before the end.
 */
export class TextQueue implements AsyncIterable<string> {
  readonly #onLeave: () => void;
  #waiting: string[] = [];
  #end: { error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  push(text: string): void {
    this.#waiting.push(text);
    this.#wake?.();
  }

  /** Ends the text, with an error for the reader where one is given. */
  end(outcome: { error?: unknown } = {}): void {
    this.#end ??= outcome;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    try {
      for (;;) {
        const pieces = this.#waiting;
        this.#waiting = [];
        yield* pieces;
        if (this.#waiting.length > 0) continue;
        if (this.#end !== undefined) {
          if ('error' in this.#end) throw this.#end.error;
          return;
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    } finally {
      if (this.#end === undefined) this.#onLeave();
    }
  }
}
