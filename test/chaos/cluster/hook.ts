import { setTimeout as delay } from 'node:timers/promises';
import type { Parley } from '@parley/sdk';
import type pg from 'pg';
import { persistently } from '../people.ts';
import type { Delivery, Ledger } from '../sink/ledger.ts';
import type { EffectSink } from '../sink/sink.ts';
import { type Fault, fault, of } from '../verdict.ts';

type Wanted = { readonly tenantId: string; readonly types: readonly string[] | null };
type EventRow = { readonly id: string; readonly position: string; readonly deliveries: number; readonly open: number };

/** A delivery whose next attempt is further away is sent now, as an impatient person would have it. */
const IMPATIENT_MS = 1_500;

/**
 * A tenant's webhook, received by the effect sink. What is promised: each event since it was turned on comes at least once,
 * signed, under its own id and with the same bytes each time, and says where in the log it stands; in no promised order.
 */
export class Hook {
  readonly #parley: Parley;
  readonly #name: string;
  readonly id: string;
  readonly #wanted: Wanted;

  private constructor(parley: Parley, about: { name: string; id: string; wanted: Wanted }) {
    this.#parley = parley;
    this.#name = about.name;
    this.id = about.id;
    this.#wanted = about.wanted;
  }

  static async start(parley: Parley, sink: EffectSink, wanted: Wanted): Promise<Hook> {
    const name = crypto.randomUUID();
    const types = wanted.types === null ? null : [...wanted.types];
    // Nothing may come before the receiver knows the secret.
    const { id, secret } = await parley.webhooks.create({ url: sink.urlOf(name), types, enabled: false });
    await sink.expect(name, secret);
    await parley.webhooks.enable(id);
    return new Hook(parley, { name, id, wanted });
  }

  /** Until every event that is due was taken; what waits for its next attempt is sent again at once. */
  async delivered(db: pg.Client, withinMs: number): Promise<void> {
    const signal = AbortSignal.timeout(withinMs);
    for (const deadline = Date.now() + withinMs; Date.now() < deadline; await delay(200)) {
      const events = await this.#due(db);
      if (events.every(({ deliveries, open }) => deliveries > 0 && open === 0)) return;
      await persistently(signal, async () => {
        for await (const { id, next_attempt_at } of this.#parley.webhooks.deliveries(this.id, { status: 'pending' }))
          if (Date.parse(next_attempt_at ?? '') > Date.now() + IMPATIENT_MS)
            await this.#parley.webhooks.retry(this.id, id);
        // What is not there when the time is over, the judgement will say.
      }).catch(() => {});
    }
  }

  async judge(db: pg.Client, ledger: Ledger): Promise<{ readonly faults: Fault[]; readonly taken: number }> {
    const came = ledger.deliveries.filter(({ hook }) => hook === this.#name);
    const takenIds = new Set(came.filter(({ taken }) => taken).map(({ id }) => id));
    const due = await this.#due(db);
    const lost = due.filter(({ id }) => !takenIds.has(id));
    const doubled = due.filter(({ deliveries }) => deliveries > 1);
    const open = due.filter(({ open }) => open > 0);
    const faults = [
      ...some('lost', lost, 'events did not come'),
      ...some('doubled', doubled, 'events have more than one delivery'),
      ...some('other', open, 'deliveries did not succeed'),
      ...some(
        'other',
        came.filter(({ forged }) => forged !== null),
        'requests are not signed as they should be',
      ),
      ...(await this.#untrue(db, came)),
    ];
    return { faults: of('webhook', faults), taken: takenIds.size };
  }

  /** Events of the log since it was turned on, and what became of each. */
  async #due(db: pg.Client): Promise<EventRow[]> {
    const { rows } = await db.query<EventRow>(
      `select e.id, e.position, count(d.id)::int as deliveries,
              (count(d.id) filter (where d.status <> 'succeeded'))::int as open
         from events e
         left join webhook_deliveries d on d.tenant_id = e.tenant_id and d.event_id = e.id
                                       and d.webhook_id = $2 and d.kind = 'event'
        where e.tenant_id = $1
          and e.position > (select min(position) from events
                             where tenant_id = $1 and type = 'webhook_changed' and data->>'webhook_id' = $2::text
                               and data->>'change' = 'enabled')
          and case when $3::text[] is null then e.topic <> 'identity' else e.type = any($3::text[]) end
        group by e.id, e.position`,
      [this.#wanted.tenantId, this.id, this.#wanted.types],
    );
    return rows;
  }

  /** What came and is not in the tenant's log like that; and what came in two shapes. */
  async #untrue(db: pg.Client, came: readonly Delivery[]): Promise<Fault[]> {
    const { rows } = await db.query<{ id: string; told: string }>(
      `select id, concat_ws(' ', id, type, stream, position, tenant_id) as told from events where tenant_id = $1`,
      [this.#wanted.tenantId],
    );
    const log = new Map(rows.map(({ id, told }) => [id, told]));
    const strange = came.filter(({ id, event }) => {
      const told = [event.id, event.type, event.stream, event.position, event.tenantid].join(' ');
      return id !== event.id || log.get(id) !== told;
    });
    const shapes = Map.groupBy(came, ({ id }) => id);
    const changed = [...shapes].filter(([, same]) => new Set(same.map(({ digest }) => digest)).size > 1);
    return [
      ...some('other', strange, 'requests tell of what is not so in the log'),
      ...some('other', changed, 'events came in two shapes'),
    ];
  }
}

const some = (wrong: Fault['wrong'], found: readonly unknown[], words: string): Fault[] =>
  found.length === 0 ? [] : [fault(wrong, `${found.length} ${words}: ${JSON.stringify(found[0])}`, found.length)];
