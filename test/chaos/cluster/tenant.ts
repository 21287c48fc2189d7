import { setTimeout as delay } from 'node:timers/promises';
import { Parley } from '@parley/sdk';
import type pg from 'pg';
import { persistently } from '../people.ts';
import type { Ledger } from '../sink/ledger.ts';
import type { EffectSink } from '../sink/sink.ts';
import { compare, type Fault, fault, of } from '../verdict.ts';
import { Hook } from './hook.ts';
import { requeueAll } from './letters.ts';
import { Pulse } from './pulse.ts';

const PAUSE_MS = 400;

type EventRow = {
  readonly id: string;
  readonly stream: string;
  readonly type: string;
  readonly data: { readonly api_key_id?: string };
};
/** `over`: nothing new is begun. `gone`: what was begun is left as it is. */
type Until = { readonly over: AbortSignal; readonly gone: AbortSignal };

/**
 * A tenant of a run: it beats (`Pulse`), and it makes API keys and revokes them, each of which one consumer writes into the
 * record of who did what, once and in order, and another one has sent to a webhook.
 */
export class Tenant {
  readonly pulse: Pulse;
  readonly hook: Hook;
  readonly faults: Fault[] = [];
  requeued = 0;
  readonly id: string;
  readonly #parley: Parley;
  readonly #url: string;
  readonly #until: Until;
  readonly #made: string[] = [];
  readonly #working: Promise<void>;

  private constructor(at: { id: string; url: string; parley: Parley; pulse: Pulse; hook: Hook; until: Until }) {
    this.id = at.id;
    this.#url = at.url;
    this.#parley = at.parley;
    this.#until = at.until;
    this.pulse = at.pulse;
    this.hook = at.hook;
    this.#working = this.#work();
  }

  static async start(url: string, { sink, ...until }: Until & { sink: EffectSink }): Promise<Tenant> {
    const parley = new Parley({ baseUrl: `${url}/api/v1`, session: 'memory', timeoutMs: 10_000 });
    const { tenant } = await parley.auth.signUp({
      email: `chaos-${crypto.randomUUID()}@example.com`,
      password: `chaos ${crypto.randomUUID()}`,
      tenant_name: 'Chaos',
      name: 'Person',
    });
    const agent = await parley.agents.create({ name: 'pulse', model: 'openai/gpt-5-mini' });
    const { key } = await parley.apiKeys.create({ name: 'pulse', scopes: ['agents:write', 'events:read'] });
    const hook = await Hook.start(parley, sink, { tenantId: tenant.id, types: ['api_key_created', 'api_key_revoked'] });
    const pulse = await Pulse.start({ url, key, tenantId: tenant.id, agentId: agent.id, over: until.over });
    return new Tenant({ id: tenant.id, url, parley, pulse, hook, until });
  }

  /** How many keys it made and revoked. */
  get errands(): number {
    return this.#made.length;
  }

  /** Resolves when it has ended, after `over`. */
  async ended(): Promise<void> {
    await Promise.all([this.#working, this.pulse.ended()]);
  }

  /** Has everything that was put aside handled again; answers when the server has taken that up. */
  async requeue(): Promise<void> {
    this.requeued += await requeueAll(this.#parley, this.#until.gone);
  }

  async judge(db: pg.Client, ledger: Ledger): Promise<{ readonly faults: Fault[]; readonly taken: number }> {
    const streams = [`identity/${this.id}`, `webhooks/${this.hook.id}`];
    const { rows: events } = await db.query<EventRow>(
      'select id, stream, type, data from events where tenant_id = $1 and stream = any($2) order by position',
      [this.id, streams],
    );
    const { rows: records } = await db.query<{ event_id: string; stream: string }>(
      `select r.event_id, e.stream from audit_records r left join events e on e.id = r.event_id
        where r.tenant_id = $1 order by r.seq`,
      [this.id],
    );
    const keysOf = (type: string) =>
      events.flatMap(({ type: its, data }) => (its === type ? (data.api_key_id ?? []) : []));
    const revoked = keysOf('api_key_revoked');
    // The first one is the pulse's own.
    const created = keysOf('api_key_created').slice(1);
    const { faults, taken } = await this.hook.judge(db, ledger);
    const all = [
      ...this.faults,
      ...of('pulse', await this.pulse.judge(db)),
      ...streams.flatMap((stream) =>
        compare(
          events.filter((event) => event.stream === stream).map(({ id }) => id),
          records.filter((record) => record.stream === stream).map(({ event_id }) => event_id),
          { what: 'records of who did what' },
        ),
      ),
      ...compare(this.#made, created, { what: 'keys made' }),
      ...compare(this.#made, revoked, { what: 'keys revoked' }),
      ...faults,
    ];
    return { faults: of(`tenant ${this.id}`, all), taken };
  }

  async #work(): Promise<void> {
    // What is begun is brought to its end: whoever was told of nothing asks again with the same key.
    const patient = this.#until.gone;
    while (!this.#until.over.aborted) {
      try {
        const idempotencyKey = crypto.randomUUID();
        const once = () =>
          persistently(patient, () =>
            this.#parley.apiKeys.create({ name: 'errand', scopes: ['agents:read'] }, { idempotencyKey, maxRetries: 0 }),
          );
        const [made, again] = await Promise.all([once(), once()]);
        if (made.id !== again.id || made.key !== again.key)
          this.faults.push(fault('doubled', 'one Idempotency-Key gave two keys'));
        await this.#revoke(made.id, patient);
        this.#made.push(made.id);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        this.faults.push(fault('other', `an errand failed: ${why} (${this.#url})`));
        return;
      }
      await delay(PAUSE_MS);
    }
  }

  async #revoke(id: string, patient: AbortSignal): Promise<void> {
    await persistently(patient, () => this.#parley.apiKeys.revoke(id, { maxRetries: 0 })).catch((error: unknown) => {
      // It was done already, and only the answer was lost.
      if ((error as { status?: number }).status !== 404) throw error;
    });
  }
}
