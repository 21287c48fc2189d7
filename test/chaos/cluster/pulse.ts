import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { compare, type Fault, fault } from '../verdict.ts';

export type PulseOptions = {
  readonly url: string;
  readonly key: string;
  readonly tenantId: string;
  readonly agentId: string;
  readonly over: AbortSignal;
};
type Seen = { readonly position: number; readonly version: number; readonly timeMs: number };

const PAUSE_MS = 100;
const ANSWER_MS = 1_500;
/** The server says something at least so often, comments counted; a silent stream is left. */
const SILENCE_MS = 3_000;

/**
 * One tenant that changes something many times a second and follows its own events through another connection: what it
 * takes until a change comes out there again is how long a fault was felt.
 */
export class Pulse {
  readonly faults: Fault[] = [];
  /** Versions whose change was acknowledged. */
  readonly acknowledged: number[] = [];
  readonly #seen: Seen[] = [];
  readonly #o: PulseOptions;
  readonly #running: Promise<unknown>;
  #cursor: string;
  #waiting: { readonly sinceMs: number; readonly done: (ms: number) => void }[] = [];

  private constructor(options: PulseOptions, cursor: string) {
    this.#o = options;
    this.#cursor = cursor;
    this.#running = Promise.all([this.#beat(), this.#listen()]);
  }

  static async start(options: PulseOptions): Promise<Pulse> {
    const headers = { authorization: `Bearer ${options.key}` };
    const events = await fetch(`${options.url}/api/v1/events?limit=1`, { headers });
    if (!events.ok) throw new Error(`The log cannot be read: ${events.status}`);
    const { cursor } = (await events.json()) as { cursor: string };
    return new Pulse(options, cursor);
  }

  /** Milliseconds from `sinceMs` (Unix time) until a change made later than that came out. */
  recovered(sinceMs: number): Promise<number> {
    return new Promise((done) => this.#waiting.push({ sinceMs, done }));
  }

  /** Resolves when it has ended, after `over`. */
  async ended(): Promise<void> {
    await this.#running;
  }

  /** What was acknowledged is in the log once and in order, and the stream gave all of that. */
  async judge(db: pg.Client): Promise<Fault[]> {
    const { rows } = await db.query<{ position: string; version: number }>(
      `select position, (data->>'version')::int as version from events
        where tenant_id = $1 and type = 'agent_changed' order by position`,
      [this.#o.tenantId],
    );
    const last = this.#seen.at(-1)?.position ?? 0;
    const positions = rows.map(({ position }) => position);
    const versions = rows.map(({ version }) => version);
    const [first = 1] = versions;
    const count = Math.max(first, ...versions, ...this.acknowledged) - first + 1;
    const due = Array.from({ length: count }, (_, index) => `${first + index}`);
    return [
      ...this.faults,
      ...compare(due, versions.map(String), { what: 'versions in the log' }),
      ...compare(
        positions.filter((position) => Number(position) <= last),
        this.#seen.map(({ position }) => `${position}`),
        { what: 'changes on the stream', missing: 'holes' },
      ),
    ];
  }

  async #beat(): Promise<void> {
    const url = `${this.#o.url}/api/v1/agents/${this.#o.agentId}`;
    const headers = { authorization: `Bearer ${this.#o.key}`, 'content-type': 'application/json', 'if-match': '*' };
    for (let number = 1; !this.#o.over.aborted; number++) {
      const body = JSON.stringify({ instructions: `Say ${number}.` });
      const signal = AbortSignal.any([this.#o.over, AbortSignal.timeout(ANSWER_MS)]);
      try {
        const answer = await fetch(url, { method: 'PATCH', headers, body, signal });
        const { version } = (await answer.json()) as { version?: number };
        if (answer.ok && version !== undefined) this.acknowledged.push(version);
        else if (answer.status < 500 && answer.status !== 429)
          this.faults.push(fault('other', `a change was answered ${answer.status}`));
      } catch {
        // The server went away over it: the change may stand or not.
      }
      await delay(PAUSE_MS);
    }
  }

  async #listen(): Promise<void> {
    while (!this.#o.over.aborted) {
      await this.#stream().catch(() => {});
      await delay(PAUSE_MS);
    }
  }

  async #stream(): Promise<void> {
    const left = new AbortController();
    const signal = AbortSignal.any([this.#o.over, left.signal]);
    let silence = setTimeout(() => left.abort(), SILENCE_MS);
    try {
      const headers = { authorization: `Bearer ${this.#o.key}`, 'last-event-id': this.#cursor };
      const answer = await fetch(`${this.#o.url}/api/v1/events/stream?types=agent_changed`, { headers, signal });
      if (!answer.ok || !answer.body) return;
      let rest = '';
      for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
        clearTimeout(silence);
        silence = setTimeout(() => left.abort(), SILENCE_MS);
        const frames = (rest + chunk).split('\n\n');
        rest = frames.pop() ?? '';
        for (const frame of frames) this.#take(frame);
      }
    } finally {
      clearTimeout(silence);
      left.abort();
    }
  }

  #take(frame: string): void {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(frame)?.[1];
    const [id, event, data] = [field('id'), field('event'), field('data')];
    if (event === 'reset') this.faults.push(fault('holes', `reset ${data}`));
    if (id === undefined) return;
    this.#cursor = id;
    if (event !== 'agent_changed' || data === undefined) return;
    const { time, data: what } = JSON.parse(data) as { time: string; data: { version: number } };
    const seen = { position: Number(id.split('.')[1]), version: what.version, timeMs: Date.parse(time) };
    this.#seen.push(seen);
    const nowMs = Date.now();
    const over = this.#waiting.filter(({ sinceMs }) => seen.timeMs > sinceMs);
    this.#waiting = this.#waiting.filter(({ sinceMs }) => seen.timeMs <= sinceMs);
    for (const { sinceMs, done } of over) done(nowMs - sinceMs);
  }
}
