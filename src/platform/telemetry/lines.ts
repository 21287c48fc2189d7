import { write, writeSync } from 'node:fs';

/** Where lines go, and how what is buffered on the way is written at once. */
export type Lines = { write(line: string): void; flushSync(): void };

const BUFFER_BYTES = 64 * 1024;
/** A write begins when this much has gathered: a system call and a thread's turn for some 90 lines. */
const FULL_BYTES = 32 * 1024;
/** The longest a line waits. */
const FLUSH_MS = 250;
/** After a pipe was full. */
const AGAIN_MS = 10;
/** The longest that a process which has to write at once waits for a pipe that nobody empties. */
const PATIENCE_MS = 2_000;
/** Whoever reads is stuck: from here on lines are lost rather than the process. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/**
 * Lines for a file descriptor, in their order, without waiting for it. Each is encoded into a buffer when it comes: a long
 * string put together from thousands of pieces, and encoded when it is written, costs 4 µs a line more (measured).
 */
export function linesTo(fd: number): Lines {
  let buffer: Buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  let used = 0;
  /** Written next, oldest first; the first of them is being written while `writing`. */
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let writing = false;
  let full = false;
  let gone = false;
  let spare: Buffer | undefined;
  let timer: NodeJS.Timeout | undefined;

  function push(chunk: Buffer): void {
    if (waitingBytes + chunk.length > MAX_WAITING_BYTES) return;
    waiting.push(chunk);
    waitingBytes += chunk.length;
  }

  /** What has gathered is to be written; a new buffer gathers. */
  function turn(): void {
    if (used === 0) return;
    push(buffer.subarray(0, used));
    buffer = spare ?? Buffer.allocUnsafe(BUFFER_BYTES);
    spare = undefined;
    used = 0;
  }

  function begin(): void {
    clearTimeout(timer);
    timer = undefined;
    if (writing || full) return;
    turn();
    const [chunk] = waiting;
    if (chunk === undefined) return;
    writing = true;
    write(fd, chunk, 0, chunk.length, null, (error, bytes) => {
      writing = false;
      if (error?.code === 'EAGAIN') {
        full = true;
        setTimeout(() => {
          full = false;
          begin();
        }, AGAIN_MS);
        return;
      }
      if (error) return end();
      took(bytes);
      if (waiting.length > 0 || used >= FULL_BYTES) begin();
      else if (used > 0) timer ??= setTimeout(begin, FLUSH_MS).unref();
    });
  }

  function took(bytes: number): void {
    const [chunk] = waiting as [Buffer];
    waitingBytes -= bytes;
    if (bytes < chunk.length) {
      waiting[0] = chunk.subarray(bytes);
      return;
    }
    waiting.shift();
    if (chunk.buffer.byteLength === BUFFER_BYTES) spare = Buffer.from(chunk.buffer);
  }

  /** Nobody reads any more. */
  function end(): void {
    gone = true;
    waiting = [];
    waitingBytes = 0;
    used = 0;
  }

  /** What is being written at this moment is left to it. */
  function flushSync(): void {
    if (gone) return;
    turn();
    const left = writing ? waiting.slice(1) : waiting;
    waiting = writing ? waiting.slice(0, 1) : [];
    waitingBytes = waiting[0]?.length ?? 0;
    left.every((chunk) => writeWhole(fd, chunk));
  }

  // The process may end with lines that waited for company.
  process.once('exit', flushSync);

  return {
    write(line) {
      if (gone) return;
      // The most that UTF-8 makes of it.
      const most = line.length * 3;
      if (used + most > BUFFER_BYTES) turn();
      if (most > BUFFER_BYTES) push(Buffer.from(line));
      else used += buffer.write(line, used);
      if (used >= FULL_BYTES || waiting.length > 0) begin();
      else timer ??= setTimeout(begin, FLUSH_MS).unref();
    },
    flushSync,
  };
}

/** Lines for a file descriptor, each written before the caller goes on. */
export const linesAtOnce = (fd: number): Lines => ({
  write: (line) => void writeWhole(fd, Buffer.from(line)),
  flushSync: () => {},
});

/** A full pipe is waited for, since the process is about to end or said that this matters; but not for ever. Whether all is written. */
function writeWhole(fd: number, chunk: Buffer): boolean {
  const until = performance.now() + PATIENCE_MS;
  for (let written = 0; written < chunk.length; ) {
    try {
      written += writeSync(fd, chunk, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() > until) return false;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, AGAIN_MS);
    }
  }
  return true;
}
