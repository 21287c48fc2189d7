import { setTimeout as delay } from 'node:timers/promises';
import { Parley } from '@parley/sdk';
import type pg from 'pg';
import { persistently } from '../people.ts';
import { Pulse } from './pulse.ts';

const PAUSE_MS = 150;
const LETTERS_MS = 30_000;
const PATIENT_MS = 24 * 3_600_000;

/**
 * A tenant of a run: it beats (`Pulse`), and it makes API keys and revokes them, each of which a consumer writes into the
 * record of who did what, once and in order.
 */
export class Tenant {
  readonly pulse: Pulse;
  readonly faults: string[] = [];
  requeued = 0;
  readonly id: string;
  readonly #parley: Parley;
  readonly #url: string;
  readonly #over: AbortSignal;
  readonly #made: string[] = [];
  readonly #working: Promise<void>;

  private constructor(at: { id: string; url: string; parley: Parley; pulse: Pulse; over: AbortSignal }) {
    this.id = at.id;
    this.#url = at.url;
    this.#parley = at.parley;
    this.#over = at.over;
    this.pulse = at.pulse;
    this.#working = this.#work();
  }

  static async start(url: string, over: AbortSignal): Promise<Tenant> {
    const parley = new Parley({ baseUrl: `${url}/api/v1`, session: 'memory', timeoutMs: 10_000 });
    const { tenant } = await parley.auth.signUp({
      email: `chaos-${crypto.randomUUID()}@example.com`,
      password: `chaos ${crypto.randomUUID()}`,
      tenant_name: 'Chaos',
      name: 'Person',
    });
    const agent = await parley.agents.create({ name: 'pulse', model: 'openai/gpt-5-mini' });
    const { key } = await parley.apiKeys.create({ name: 'pulse', scopes: ['agents:write', 'events:read'] });
    const pulse = await Pulse.start({ url, key, tenantId: tenant.id, agentId: agent.id, over });
    return new Tenant({ id: tenant.id, url, parley, pulse, over });
  }

  /** How many keys it made and revoked. */
  get errands(): number {
    return this.#made.length;
  }

  /** Resolves when it has ended, after `over`, with everything that was put aside requeued and done. */
  async ended(): Promise<void> {
    await Promise.all([this.#working, this.pulse.ended()]);
    const { deadLetters } = this.#parley;
    for (const deadline = Date.now() + LETTERS_MS; ; await delay(200)) {
      const { items } = await deadLetters.list({ limit: 100 });
      if (items.length === 0) return;
      if (Date.now() > deadline) {
        this.faults.push(`${items.length} dead letters are left after they were requeued`);
        return;
      }
      await this.requeue();
    }
  }

  /** Has everything that was put aside handled again; answers when the server has taken that up. */
  async requeue(): Promise<void> {
    const patient = AbortSignal.timeout(PATIENT_MS);
    this.requeued += await persistently(patient, () => this.#parley.deadLetters.requeueAll({}, { maxRetries: 0 }));
  }

  async judge(db: pg.Client): Promise<string[]> {
    const { rows: events } = await db.query<{ id: string; type: string; data: { api_key_id?: string } }>(
      `select id, type, data from events where stream = $1 order by position`,
      [`identity/${this.id}`],
    );
    const { rows: records } = await db.query<{ event_id: string }>(
      'select event_id from audit_records where tenant_id = $1 order by seq',
      [this.id],
    );
    const faults = [...this.faults, ...(await this.pulse.judge(db))];
    const at = events.findIndex(({ id }, index) => records[index]?.event_id !== id);
    if (at >= 0 || events.length !== records.length)
      faults.push(`audit: ${events.length} events, ${records.length} records; the first that differs: ${at}`);
    for (const type of ['api_key_created', 'api_key_revoked'])
      for (const id of this.#made) {
        const count = events.filter((event) => event.type === type && event.data.api_key_id === id).length;
        if (count !== 1) faults.push(`key ${id}: ${count} times ${type}`);
      }
    const keys = new Set(events.filter(({ type }) => type === 'api_key_created').map(({ data }) => data.api_key_id));
    // One more is the pulse's own.
    if (keys.size !== this.#made.length + 1)
      faults.push(`${this.#made.length} keys were acknowledged, ${keys.size - 1} made`);
    return faults.map((fault) => `tenant ${this.id}: ${fault}`);
  }

  async #work(): Promise<void> {
    // What is begun is brought to its end: whoever was told of nothing asks again with the same key.
    const patient = AbortSignal.timeout(PATIENT_MS);
    while (!this.#over.aborted) {
      try {
        const idempotencyKey = crypto.randomUUID();
        const once = () =>
          persistently(patient, () =>
            this.#parley.apiKeys.create({ name: 'errand', scopes: ['agents:read'] }, { idempotencyKey, maxRetries: 0 }),
          );
        const [made, again] = await Promise.all([this.#inProgress(once), this.#inProgress(once)]);
        if (made.id !== again.id || made.key !== again.key) this.faults.push(`one Idempotency-Key gave two keys`);
        await this.#revoke(made.id, patient);
        this.#made.push(made.id);
      } catch (error) {
        this.faults.push(`an errand failed: ${error instanceof Error ? error.message : String(error)} (${this.#url})`);
        return;
      }
      await delay(PAUSE_MS);
    }
  }

  /** The second of two at once is told to come again. */
  async #inProgress<T>(fn: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await fn();
      } catch (error) {
        if ((error as { code?: string }).code !== 'idempotency_in_progress') throw error;
        await delay(50);
      }
    }
  }

  async #revoke(id: string, patient: AbortSignal): Promise<void> {
    await persistently(patient, () => this.#parley.apiKeys.revoke(id, { maxRetries: 0 })).catch((error: unknown) => {
      // It was done already, and only the answer was lost.
      if ((error as { status?: number }).status !== 404) throw error;
    });
  }
}
