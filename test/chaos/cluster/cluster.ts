import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { type Random, seededRandom } from '../../../src/modules/models/rehearsal/random.ts';
import { connect } from '../connect.ts';
import { Crowd, type CrowdPlan } from '../crowd.ts';
import { enrol, NAMES } from '../discussions.ts';
import { judge } from '../oracle.ts';
import { ChaosProvider } from '../provider.ts';
import { EffectSink } from '../sink/sink.ts';
import { type Fault, fault } from '../verdict.ts';
import { Balancer } from './balancer.ts';
import { audit, unsettled } from './books.ts';
import { lateCommit, type Mishap, mishapOf, poison, type Scene, sabotage, stepMishaps } from './faults.ts';
import { Fleet } from './fleet.ts';
import { lettersLeft, requeueAll } from './letters.ts';
import { NaiveRelay } from './naive.ts';
import { Shop, type ShopPlan } from './shop.ts';
import { Stores } from './stores.ts';
import { Tenant } from './tenant.ts';

export type ClusterPlan = CrowdPlan & {
  readonly seed: number;
  /** Mishaps by chance, on top of a crash at every named step … */
  readonly kills: number;
  /** … and whether there are more, until sixteen have sent the last of their orders. */
  readonly untilOrdered: boolean;
  /** Processes of each role. */
  readonly processes: number;
  readonly tenants: number;
  readonly shop: ShopPlan;
  /** Milliseconds between two pieces of an answer, at most. */
  readonly gapMs: number;
  /** Milliseconds between a recovery and the next mishap, at most. */
  readonly calmMs: number;
  /** Named steps at which a process dies, by the names of `boundaries.ts` … */
  readonly steps: readonly string[];
  /** … and how long each process is waited for there. */
  readonly stepMs: number;
  /** Whether an event kills whoever handles it, until it is put aside. */
  readonly poison: boolean;
  /** How long what handlers write into may be closed to them, at most: until events were put aside for it. */
  readonly sabotageMs: number;
  readonly deadlineMs: number;
  /** A folder where what each process says is kept. */
  readonly logs?: string | undefined;
};

/** Milliseconds from a mishap until a change of every tenant came out at its reader again. */
export type Recovery = { readonly name: string; readonly ms: number };

export type ClusterOutcome = {
  readonly discussions: number;
  readonly orders: number;
  /** Orders that sixteen clients sent at once. */
  readonly rounds: number;
  /** Requests that the payment service heard. */
  readonly charges: number;
  /** Events that receivers of webhooks took. */
  readonly delivered: number;
  readonly acknowledged: number;
  readonly events: number;
  /** Named steps that no process came to while it was waited for. */
  readonly missed: readonly string[];
  readonly startsGivenUp: number;
  readonly recoveries: readonly Recovery[];
  readonly requeued: number;
  /** Letters that stayed although they were requeued. */
  readonly left: number;
  /** What a relay that reads above the last number would have lost of so many events. */
  readonly naive: { readonly lost: number; readonly written: number };
  readonly faults: readonly Fault[];
};

const RECOVER_MS = 30_000;
/** What readers may take to hear the last event, when everything is calm; and receivers of webhooks. */
const READ_MS = 60_000;
/** What letters and payments may take to be done with. */
const CALM_MS = 60_000;

/** Several processes of each role, everything that can go wrong between them, and a judgement of what is left. */
export async function clusterChaos(plan: ClusterPlan): Promise<ClusterOutcome> {
  const random = seededRandom(plan.seed);
  const lost: Fault[] = [];
  await using provider = new ChaosProvider({ random: seededRandom(plan.seed + 1), names: NAMES, gapMs: plan.gapMs });
  const providerUrl = await provider.start();
  await using stores = await Stores.start((error) => lost.push(fault('other', error.message)));
  await using sink = await EffectSink.start(plan.seed + 3);
  const settings = {
    ...sink.env,
    ...{ OPENAI_BASE_URL: providerUrl, OPENAI_API_KEY: 'chaos' },
    MASTER_KEY: Buffer.alloc(32, plan.seed % 251).toString('hex'),
  };
  await using fleet = await Fleet.start(stores, { count: plan.processes, settings, logs: plan.logs });
  await using naive = await NaiveRelay.start(stores.databaseUrl);
  await using balancer = await Balancer.start(fleet.of('api').map(({ backend }) => backend));
  const over = new AbortController();
  // Whoever still waits for something when this has ended, or failed, must not keep the process.
  using leave = new DisposableStack();
  leave.defer(() => over.abort());
  const signal = AbortSignal.any([AbortSignal.timeout(plan.deadlineMs), over.signal]);
  await using load = await begin(plan, { url: balancer.url, sink, signal });

  const missed: string[] = [];
  const scene: Scene = { fleet, stores, random, stepMs: plan.stepMs, signal };
  const sabotaged = sabotages(stores.databaseUrl, plan, { load, signal });
  sabotaged.catch(() => {});
  const happened = await happen(mishaps(scene, { plan, load, naive, missed }), {
    ...{ plan, random, fleet, signal },
    tenants: load.tenants,
  }).finally(() => load.close());
  await sink.calm();
  await sabotaged;
  const watched = await load.over();

  await using db = await connect(stores.databaseUrl);
  const { left, open } = await calm(db.client, load);
  const faults = [...left, ...open, ...lost, ...fleet.faults, ...happened.faults];
  const ledger = await sink.ledger();
  const { faults: unlogged, ...relay } = await naive.judge(db.client);
  faults.push(...unlogged, ...(await audit(db.client, load.shop, ledger)), ...load.crowd.faults);
  for (const one of watched) faults.push(...(await judge(db.client, one, provider.answers)));
  const judged = [await load.shop.hook.judge(db.client, ledger)];
  for (const tenant of load.tenants) judged.push(await tenant.judge(db.client, ledger));
  faults.push(...judged.flatMap((one) => one.faults));
  return {
    discussions: watched.length,
    orders: load.shop.placed.length,
    rounds: load.shop.rounds,
    charges: ledger.asked,
    delivered: judged.reduce((sum, { taken }) => sum + taken, 0),
    acknowledged:
      watched.reduce((sum, one) => sum + one.acknowledged.length, 0) +
      load.tenants.reduce((sum, { pulse, errands }) => sum + pulse.acknowledged.length + errands, 0),
    events: watched.reduce((sum, one) => sum + one.logged.length, 0),
    missed,
    startsGivenUp: fleet.members.reduce((sum, { startsGivenUp }) => sum + startsGivenUp, 0),
    recoveries: happened.recoveries,
    requeued: load.requeued(),
    left: left.length,
    naive: relay,
    faults,
  };
}

/** Everybody who wants something of the installation while it breaks. */
async function begin(plan: ClusterPlan, { url, sink, signal }: { url: string; sink: EffectSink; signal: AbortSignal }) {
  await reachable(url, signal);
  const over = new AbortController();
  const closed = new AbortController();
  const gone = new AbortController();
  signal.addEventListener('abort', () => {
    for (const one of [closed, over, gone]) one.abort();
  });
  const tenants: Tenant[] = [];
  for (let n = 0; n < plan.tenants; n++)
    tenants.push(await Tenant.start(url, { sink, over: over.signal, gone: gone.signal }));
  const random = seededRandom(plan.seed + 4);
  const shop = await Shop.start(url, { sink, plan: plan.shop, random, closed: closed.signal });
  signal.addEventListener('abort', () => void shop.left().catch(() => {}));
  const { parley, cast } = await enrol(url, 'openai/gpt-5-mini');
  const crowd = new Crowd({ parley, random: seededRandom(plan.seed + 2), signal }, { plan, cast, url });
  crowd.begin();
  let others = 0;
  return {
    tenants,
    shop,
    crowd,
    /** Whoever still waits for something goes without it. */
    async [Symbol.asyncDispose]() {
      closed.abort();
      over.abort();
      gone.abort();
      await shop.left();
    },
    requeued: () => others + shop.requeued + tenants.reduce((sum, { requeued }) => sum + requeued, 0),
    /** Has everything that was put aside handled again, whosever it is. */
    async requeue() {
      others += await requeueAll(parley, gone.signal);
      await Promise.all([shop, ...tenants].map((one) => one.requeue()));
    },
    /** Nothing new is begun, except for the beats by which recovery is told. */
    close() {
      crowd.close();
      closed.abort();
    },
    /** Resolves when everybody has what they came for. */
    async over() {
      await shop.bought();
      const watched = await crowd.over();
      over.abort();
      await Promise.all(tenants.map((tenant) => tenant.ended()));
      return watched;
    },
  };
}

type Load = Awaited<ReturnType<typeof begin>>;

/** What two kinds of handlers write into is closed to them, until each tenant's events were put aside for it. */
async function sabotages(
  databaseUrl: string,
  { sabotageMs: withinMs }: ClusterPlan,
  { load, signal }: { load: Load; signal: AbortSignal },
): Promise<void> {
  const tenantIds = load.tenants.map(({ id }) => id);
  await Promise.all([
    sabotage(databaseUrl, { table: 'audit_records', tenantIds, withinMs, signal }),
    sabotage(databaseUrl, { table: 'webhook_deliveries', tenantIds: [load.shop.tenantId], withinMs, signal }),
  ]);
  await load.requeue();
}

/** Until everything that was begun is done; answers what did not come to its end: letters, and payments. */
async function calm(db: pg.Client, load: Load): Promise<{ left: Fault[]; open: Fault[] }> {
  let letters = await lettersLeft(db);
  let open = await unsettled(db, load.shop);
  for (const deadline = Date.now() + CALM_MS; letters.length + open.length > 0; await delay(200)) {
    if (Date.now() > deadline) break;
    if (letters.some(({ waits }) => waits)) await load.requeue();
    letters = await lettersLeft(db);
    open = await unsettled(db, load.shop);
  }
  await caughtUp(db);
  await load.shop.read(await lastPosition(db, load.shop.tenantId), READ_MS);
  for (const { hook } of [load.shop, ...load.tenants]) await hook.delivered(db, READ_MS);
  return { left: letters.map(({ fault }) => fault), open };
}

type Expected = {
  readonly plan: ClusterPlan;
  readonly load: Load;
  readonly naive: NaiveRelay;
  readonly missed: string[];
};

function* mishaps(scene: Scene, { plan, load, naive, missed }: Expected): Generator<Mishap> {
  yield lateCommit(scene, { naive, missed });
  for (let n = 0; n < plan.kills; n++) yield mishapOf(scene);
  const toMiss: string[] = [];
  yield* stepMishaps(scene, plan.steps, toMiss);
  // Once more for those steps that nobody came to while somebody waited for it.
  yield* stepMishaps(scene, toMiss, missed);
  const [victim] = load.tenants;
  if (plan.poison && victim) yield poison(scene, { tenantId: victim.id, group: 'audit', missed });
  while (plan.untilOrdered && load.shop.hasRounds) yield mishapOf(scene);
}

type About = {
  readonly plan: ClusterPlan;
  readonly random: Random;
  readonly tenants: readonly Tenant[];
  readonly fleet: Fleet;
  readonly signal: AbortSignal;
};
type Happened = { readonly recoveries: readonly Recovery[]; readonly faults: readonly Fault[] };

async function happen(mishaps: Iterable<Mishap>, { plan, random, tenants, fleet, signal }: About): Promise<Happened> {
  const recoveries: Recovery[] = [];
  const faults: Fault[] = [];
  for (const { name, happen } of mishaps) {
    await delay(random() * plan.calmMs, undefined, { signal });
    const { sinceMs, healed } = await happen();
    const back = Promise.all(tenants.map(({ pulse }) => pulse.recovered(sinceMs)));
    const ms = await Promise.race([back.then((all) => Math.max(...all)), delay(RECOVER_MS, undefined, { ref: false })]);
    if (ms === undefined) faults.push(fault('other', `not recovered from “${name}” within ${RECOVER_MS} ms`));
    recoveries.push({ name, ms: ms ?? RECOVER_MS });
    plan.tell?.(
      `${new Date().toISOString().slice(11, 19)} ${recoveries.length}. ${name}: ${ms ?? 'more than 30,000'} ms`,
    );
    await healed;
    // One in five comes while somebody is still getting up.
    if (random() > 0.2) await fleet.ready();
  }
  await fleet.ready();
  return { recoveries, faults };
}

/** Until every consumer has been where the log ends. */
async function caughtUp(db: pg.Client): Promise<void> {
  for (const deadline = Date.now() + CALM_MS; Date.now() < deadline; await delay(200)) {
    const { rows } = await db.query(
      `select from consumer_offsets o join log_shards l on l.shard = o.shard where o.position < l.next_position - 1
       union all select from outbox limit 1`,
    );
    if (rows.length === 0) return;
  }
}

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

async function reachable(url: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/api/v1/health/ready`).catch(() => undefined);
    if (answer?.ok) return;
    await delay(20, undefined, { signal });
  }
}
