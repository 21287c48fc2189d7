import { setTimeout as delay } from 'node:timers/promises';
import { Parley } from '@parley/sdk';
import { type Cast, discussionNo } from './discussions.ts';
import { type Actor, follow, persistently, say, takePart, type Watched } from './people.ts';
import { type Fault, fault } from './verdict.ts';

export type CrowdPlan = {
  /** How many discussions run at any moment, until it is closed. */
  readonly discussions: number;
  readonly turns: number;
  readonly tell?: (line: string) => void;
};

/** Keeps a number of discussions going, and gathers those that are over. */
export class Crowd {
  readonly faults: Fault[] = [];
  readonly #actor: Actor;
  readonly #about: { readonly plan: CrowdPlan; readonly cast: Cast; readonly url: string };
  readonly #watched: Watched[] = [];
  readonly #places: Promise<void>[] = [];
  #made = 0;
  #closed = false;

  constructor(actor: Actor, about: { plan: CrowdPlan; cast: Cast; url: string }) {
    this.#actor = actor;
    this.#about = about;
  }

  begin(): void {
    for (let place = 0; place < this.#about.plan.discussions; place++) this.#places.push(this.#place());
  }

  /** No further ones. */
  close(): void {
    this.#closed = true;
  }

  /** Resolves when every one is over. */
  async over(): Promise<Watched[]> {
    await Promise.all(this.#places);
    return this.#watched;
  }

  async #place(): Promise<void> {
    do {
      try {
        await this.#one(this.#made++);
      } catch (error) {
        const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#about.plan.tell?.(what);
        this.faults.push(fault('other', what));
        return;
      }
    } while (!this.#closed);
  }

  async #one(number: number): Promise<void> {
    const { parley, signal } = this.#actor;
    const { plan, cast, url } = this.#about;
    const idempotencyKey = crypto.randomUUID();
    const input = discussionNo(number, cast, plan.turns);
    const discussion = await persistently(signal, () =>
      parley.discussions.create(input, { idempotencyKey, maxRetries: 0 }),
    );
    const watched: Watched = { discussion, logged: [], heard: new Map(), acknowledged: [], faults: [] };
    this.#watched.push(watched);
    const guest = discussion.participants.find(({ kind }) => kind === 'seat');
    const key = guest && (await persistently(signal, () => parley.discussions.issueSeatKey(discussion.id, guest.id)));
    const seat = key && new Parley({ baseUrl: `${url}/api/v1`, apiKey: key.key });
    const over = new AbortController();
    const acting = { ...this.#actor, signal: AbortSignal.any([signal, over.signal]) };
    const people = Promise.all([takePart(acting, watched, seat), this.#interject(acting, watched)]).catch((error) => {
      if (over.signal.aborted) return;
      over.abort();
      throw error;
    });
    await Promise.all([follow(parley, watched, acting.signal).finally(() => over.abort()), people]);
  }

  /** Somebody from the gallery, now and then. */
  async #interject(actor: Actor, watched: Watched): Promise<void> {
    for (let number = 1; ; number++) {
      await delay(500 + actor.random() * 4_000, undefined, { signal: actor.signal });
      await say(actor, watched, { content: `${watched.discussion.id}/gallery-${number}` }).catch((error) => {
        if (!/409/.test(String((error as { status?: number }).status))) throw error;
      });
    }
  }
}
