import { ApiError } from './errors.ts';

/** Lets a few work at once and a few more wait, in the order in which they came. */
export class Queue {
  readonly #slots: number;
  readonly #places: number;
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor({ slots, places }: { slots: number; places: number }) {
    this.#slots = slots;
    this.#places = places;
  }

  get state(): { busy: number; waiting: number } {
    return { busy: this.#busy, waiting: this.#waiting.length };
  }

  /** Throws an `ApiError` of 429 when everything is taken. */
  checkRoom(): void {
    if (this.#busy < this.#slots || this.#waiting.length < this.#places) return;
    throw new ApiError(429, {
      code: 'queue_full',
      message: `${this.#busy} answers are being made and ${this.#waiting.length} wait, which is all this server takes on.`,
      headers: { 'retry-after': '2' },
    });
  }

  /** Works when it is its turn. Who gives up while waiting leaves the queue at once. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    this.checkRoom();
    signal.throwIfAborted();
    if (this.#busy < this.#slots) this.#busy += 1;
    else await this.#turn(signal);
    try {
      return await work();
    } finally {
      // A place is handed on rather than given back: nobody can slip in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#busy -= 1;
      else next();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(begin), 1);
        reject(signal.reason);
      };
      this.#waiting.push(begin);
      signal.addEventListener('abort', leave, { once: true });
    });
  }
}
