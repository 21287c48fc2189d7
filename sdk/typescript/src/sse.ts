/** One frame of an event stream, as the HTML standard parses it. */
export type SseFrame = {
  /** `message` where the server named none. */
  event: string;
  data: string;
  /** Only where this very frame carried one. */
  id: string | undefined;
};

type Handlers = { onFrame(frame: SseFrame): void; onRetry?(ms: number): void };

/** Longest line kept: what is longer is no frame of ours, and would fill the memory. */
const MAX_LINE = 8 * 1024 * 1024;

/**
 * An incremental parser of `text/event-stream`: any chunking, CR, LF or CRLF, a byte order mark, comments,
 * several data lines. Feed it text; it calls back. A frame without its closing blank line is never handed out.
 */
export class SseParser {
  readonly #handlers: Handlers;
  #buffer = '';
  #first = true;
  #afterCr = false;
  #event = '';
  #data: string[] = [];
  #id: string | undefined;

  constructor(handlers: Handlers) {
    this.#handlers = handlers;
  }

  push(text: string): void {
    let chunk = text;
    if (this.#first && chunk.length > 0) {
      this.#first = false;
      if (chunk.charCodeAt(0) === 0xfeff) chunk = chunk.slice(1);
    }
    if (this.#afterCr && chunk.length > 0) {
      this.#afterCr = false;
      if (chunk.startsWith('\n')) chunk = chunk.slice(1);
    }
    this.#buffer += chunk;
    if (this.#buffer.length > MAX_LINE) throw new RangeError('An event stream sent a line that is too long.');
    this.#drain();
  }

  #drain(): void {
    let start = 0;
    for (let at = 0; at < this.#buffer.length; at++) {
      const char = this.#buffer.charCodeAt(at);
      if (char !== 10 && char !== 13) continue;
      const line = this.#buffer.slice(start, at);
      if (char === 13) {
        if (at + 1 === this.#buffer.length) this.#afterCr = true;
        else if (this.#buffer.charCodeAt(at + 1) === 10) at++;
      }
      start = at + 1;
      this.#line(line);
    }
    this.#buffer = this.#buffer.slice(start);
  }

  #line(line: string): void {
    if (line === '') {
      this.#dispatch();
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1);
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#event = value;
    else if (field === 'id') this.#id = value.includes('\0') ? this.#id : value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.#handlers.onRetry?.(Number(value));
  }

  #dispatch(): void {
    const frame = { event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id };
    const empty = this.#data.length === 0;
    this.#event = '';
    this.#data = [];
    this.#id = undefined;
    if (!empty) this.#handlers.onFrame(frame);
  }
}

type ReadOptions = {
  /** Called with true before a chunk is waited for, with false once it is here: comments count, the reader's own time does not. */
  onWaiting?(waits: boolean): void;
  onRetry?(ms: number): void;
};

/**
 * The frames of a response's body, as they come. Nothing is read ahead of the reader: who is slow lets the connection
 * fill up, not the memory. Leaving the loop cancels the body.
 */
export async function* readFrames(
  body: ReadableStream<Uint8Array>,
  options: ReadOptions = {},
): AsyncGenerator<SseFrame> {
  const frames: SseFrame[] = [];
  const { onRetry } = options;
  const parser = new SseParser({ onFrame: (frame) => frames.push(frame), ...(onRetry ? { onRetry } : {}) });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      options.onWaiting?.(true);
      const { done, value } = await reader.read();
      options.onWaiting?.(false);
      if (done) return;
      parser.push(decoder.decode(value, { stream: true }));
      yield* frames.splice(0);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
