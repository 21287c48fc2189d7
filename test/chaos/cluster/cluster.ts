import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { type Random, seededRandom } from '../../../src/modules/models/rehearsal/random.ts';
import { PaymentStandIn } from '../../support/payments.ts';
import { connect } from '../connect.ts';
import { Crowd, type CrowdPlan } from '../crowd.ts';
import { enrol, NAMES } from '../discussions.ts';
import { judge } from '../oracle.ts';
import { ChaosProvider } from '../provider.ts';
import { Balancer } from './balancer.ts';
import { audit, settled } from './books.ts';
import { type Mishap, mishapOf, type Scene, sabotageAudit, stepMishaps } from './faults.ts';
import { Fleet } from './fleet.ts';
import { badDay, Shop } from './shop.ts';
import { Stores } from './stores.ts';
import { Tenant } from './tenant.ts';

export type ClusterPlan = CrowdPlan & {
  readonly seed: number;
  /** Mishaps by chance, on top of a crash at every named step. */
  readonly kills: number;
  /** Processes of each role. */
  readonly processes: number;
  readonly tenants: number;
  /** Milliseconds between two pieces of an answer, at most. */
  readonly gapMs: number;
  /** Milliseconds between a recovery and the next mishap, at most. */
  readonly calmMs: number;
  /** Named steps at which a process dies, by the names of `boundaries.ts`. */
  readonly steps: readonly string[];
  /** How long the record of who did what may be out of order, at most: until an event was put aside for it. */
  readonly sabotageMs: number;
  readonly deadlineMs: number;
};

export type ClusterOutcome = {
  readonly discussions: number;
  readonly orders: number;
  /** Requests that the payment service heard. */
  readonly charges: number;
  readonly acknowledged: number;
  readonly events: number;
  /** What happened, how often. */
  readonly mishaps: Readonly<Record<string, number>>;
  /** Named steps that no process came to while it was waited for. */
  readonly missed: readonly string[];
  readonly startsGivenUp: number;
  /** Milliseconds from each mishap until a change of every tenant came out at its reader again. */
  readonly recoveriesMs: readonly number[];
  readonly requeued: number;
  readonly faults: readonly string[];
};

const RECOVER_MS = 30_000;
/** What readers may take to hear the last event, when everything is calm. */
const READ_MS = 20_000;

/** Several processes of each role, everything that can go wrong between them, and a judgement of what is left. */
export async function clusterChaos(plan: ClusterPlan): Promise<ClusterOutcome> {
  const random = seededRandom(plan.seed);
  const lost: string[] = [];
  await using provider = new ChaosProvider({ random: seededRandom(plan.seed + 1), names: NAMES, gapMs: plan.gapMs });
  const providerUrl = await provider.start();
  await using stores = await Stores.start((error) => lost.push(error.message));
  await using payments = await PaymentStandIn.start();
  payments.script(badDay(seededRandom(plan.seed + 3)));
  const settings = {
    ...payments.env,
    ...{ OPENAI_BASE_URL: providerUrl, OPENAI_API_KEY: 'chaos' },
    MASTER_KEY: Buffer.alloc(32, plan.seed % 251).toString('hex'),
  };
  await using fleet = await Fleet.start(stores, plan.processes, settings);
  await using balancer = await Balancer.start(fleet.of('api').map(({ backend }) => backend));
  await reachable(balancer.url);
  const over = new AbortController();
  const tenants: Tenant[] = [];
  for (let n = 0; n < plan.tenants; n++) tenants.push(await Tenant.start(balancer.url, over.signal));
  const closed = new AbortController();
  const shop = await Shop.start(balancer.url, { random: seededRandom(plan.seed + 4), closed: closed.signal });
  const { parley, cast } = await enrol(balancer.url, 'openai/gpt-5-mini');
  const signal = AbortSignal.timeout(plan.deadlineMs);
  const crowd = new Crowd({ parley, random: seededRandom(plan.seed + 2), signal }, { plan, cast, url: balancer.url });
  crowd.begin();

  const missed: string[] = [];
  const scene: Scene = { fleet, stores, random };
  const sabotage = sabotageAudit(stores.databaseUrl, {
    tenantIds: tenants.map(({ id }) => id),
    withinMs: plan.sabotageMs,
  }).then(() => Promise.all(tenants.map((tenant) => tenant.requeue())));
  const toMiss: string[] = [];
  const mishaps = [
    ...Array.from({ length: plan.kills }, () => mishapOf(scene)),
    ...stepMishaps(scene, plan.steps, toMiss),
  ];
  const about = { plan, random, tenants, fleet, signal };
  const happened = await happen(mishaps, about)
    // Once more for those steps that nobody came to while somebody waited for it.
    .then(async (first) => merged(first, await happen(stepMishaps(scene, toMiss, missed), about)))
    .finally(() => {
      crowd.close();
      closed.abort();
    });
  payments.script({ does: 'answer' });
  await Promise.all([sabotage, shop.bought()]);
  const watched = await crowd.over();
  over.abort();
  await Promise.all([...tenants.map((tenant) => tenant.ended()), parley.deadLetters.requeueAll()]);

  await using db = await connect(stores.databaseUrl);
  const open = await settled(db.client, shop);
  await shop.read(await lastPosition(db.client, shop.tenantId), READ_MS);
  const faults = [
    ...(await lettersLeft(db.client)),
    ...open,
    ...(await audit(db.client, shop, payments)),
    ...lost,
    ...fleet.faults,
    ...happened.faults,
    ...crowd.faults,
  ];
  for (const one of watched) faults.push(...(await judge(db.client, one, provider.answers)));
  for (const tenant of tenants) faults.push(...(await tenant.judge(db.client)));
  return {
    discussions: watched.length,
    orders: shop.placed.length,
    charges: payments.asked.length,
    acknowledged:
      watched.reduce((sum, one) => sum + one.acknowledged.length, 0) +
      tenants.reduce((sum, { pulse, errands }) => sum + pulse.acknowledged.length + errands, 0),
    events: watched.reduce((sum, one) => sum + one.logged.length, 0),
    mishaps: happened.counts,
    missed,
    startsGivenUp: fleet.members.reduce((sum, { startsGivenUp }) => sum + startsGivenUp, 0),
    recoveriesMs: happened.recoveriesMs,
    requeued: tenants.reduce((sum, { requeued }) => sum + requeued, 0),
    faults,
  };
}

type About = {
  readonly plan: ClusterPlan;
  readonly random: Random;
  readonly tenants: readonly Tenant[];
  readonly fleet: Fleet;
  readonly signal: AbortSignal;
};

async function happen(mishaps: readonly Mishap[], { plan, random, tenants, fleet, signal }: About) {
  const counts: Record<string, number> = {};
  const recoveriesMs: number[] = [];
  const faults: string[] = [];
  for (const [index, { name, happen }] of mishaps.entries()) {
    await delay(random() * plan.calmMs, undefined, { signal });
    const { sinceMs, healed } = await happen();
    counts[name] = (counts[name] ?? 0) + 1;
    if ((index + 1) % 10 === 0) plan.tell?.(`${index + 1} of ${mishaps.length} mishaps`);
    const back = Promise.all(tenants.map(({ pulse }) => pulse.recovered(sinceMs)));
    const tookMs = await Promise.race([
      back.then((all) => Math.max(...all)),
      delay(RECOVER_MS, undefined, { ref: false }),
    ]);
    if (tookMs === undefined) faults.push(`not recovered from “${name}” within ${RECOVER_MS} ms`);
    else recoveriesMs.push(tookMs);
    plan.tell?.(`${name}: ${tookMs} ms`);
    await healed;
    // One in five comes while somebody is still getting up.
    if (random() > 0.2) await fleet.ready();
  }
  await fleet.ready();
  return { counts, recoveriesMs, faults };
}

type Happened = Awaited<ReturnType<typeof happen>>;

const merged = (a: Happened, b: Happened): Happened => ({
  counts: { ...a.counts, ...b.counts },
  recoveriesMs: [...a.recoveriesMs, ...b.recoveriesMs],
  faults: [...a.faults, ...b.faults],
});

/** Where the tenant's log ends when nothing waits to come into it. */
async function lastPosition(db: pg.Client, tenantId: string): Promise<number> {
  for (;;) {
    const { rows } = await db.query<{ last: string | null; waiting: boolean }>(
      `select (select max(position) from events where tenant_id = $1) as last,
              exists (select from outbox where tenant_id = $1) as waiting`,
      [tenantId],
    );
    if (rows[0]?.waiting === false) return Number(rows[0].last);
    await delay(50);
  }
}

/** Whatever was put aside was requeued, and is done. */
async function lettersLeft(db: pg.Client): Promise<string[]> {
  for (const deadline = Date.now() + READ_MS; ; await delay(100)) {
    const { rows } = await db.query<{ group_name: string; type: string; error_message: string }>(
      'select group_name, type, error_message from dead_letters',
    );
    if (rows.length === 0) return [];
    if (Date.now() > deadline)
      return rows.map((row) => `dead letter of ${row.group_name}: ${row.type}, ${row.error_message}`);
  }
}

async function reachable(url: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/api/v1/health/ready`).catch(() => undefined);
    if (answer?.ok) return;
    await delay(20);
  }
}
