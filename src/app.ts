import { fileURLToPath } from 'node:url';
import { type Clock, systemClock } from './lib/clock.ts';
import { createAccess } from './modules/access/index.ts';
import { createAgents } from './modules/agents/index.ts';
import { createAudit } from './modules/audit/index.ts';
import { createCatalog } from './modules/catalog/index.ts';
import { createDiscussions } from './modules/discussions/index.ts';
import { createIdentity } from './modules/identity/index.ts';
import { createKnowledge } from './modules/knowledge/index.ts';
import { createModels, defaultModelChanged, type Pace, providerChanged } from './modules/models/index.ts';
import { createOpenAi } from './modules/openai/index.ts';
import { createOperations } from './modules/operations/index.ts';
import { createOrders, createPayments } from './modules/orders/index.ts';
import { createTraces } from './modules/traces/index.ts';
import { createWebhooks, WEBHOOK_EVENTS } from './modules/webhooks/index.ts';
import { createCaches } from './platform/cache/caches.ts';
import type { Config } from './platform/config/config.ts';
import { createSecrets } from './platform/config/secrets.ts';
import { createDatabase } from './platform/db/database.ts';
import { openDb } from './platform/db/open.ts';
import type { Db } from './platform/db/queries.ts';
import { createDeadLetters } from './platform/dead-letters/dead-letters.ts';
import { createAnnouncements } from './platform/events/announcements.ts';
import { createEventCounts } from './platform/events/event-counts.ts';
import { createFeed } from './platform/events/feed.ts';
import { createEventTypes } from './platform/events/registry.ts';
import { createSequencer } from './platform/events/sequencer.ts';
import { shardOf } from './platform/events/shards.ts';
import { logIdentity } from './platform/events/sql.ts';
import type { Tail } from './platform/events/tail.ts';
import { createMemoryTail } from './platform/events/tail-memory.ts';
import { readiness } from './platform/http/health.ts';
import type { Limits } from './platform/http/limits.ts';
import { createCursors } from './platform/http/paging.ts';
import { purgeSchedule } from './platform/idempotency/commands.ts';
import { createNotices } from './platform/jobs/notices.ts';
import { createQueue } from './platform/jobs/queue.ts';
import { createLeases } from './platform/leases/leases.ts';
import { inOrder, type Service } from './platform/lifecycle.ts';
import type { Module } from './platform/module.ts';
import { createOutbound } from './platform/net/outbound.ts';
import { createPool } from './platform/pool/pool.ts';
import { createHub } from './platform/realtime/fanout.ts';
import { createRelay } from './platform/realtime/relay.ts';
import type { SocketLimits } from './platform/realtime/socket/limits.ts';
import type { Redis } from './platform/redis/redis.ts';
import type { Signals } from './platform/redis/signals.ts';
import { createGuard, type Guard } from './platform/reliability/guard.ts';
import { createLimiter } from './platform/reliability/limiters.ts';
import { createReliability, type Reliability } from './platform/reliability/reliability.ts';
import { createLog, type Logger } from './platform/telemetry/log.ts';
import { logFormatOf } from './platform/telemetry/log-pretty.ts';
import { createMetrics, type Metrics, measurePools } from './platform/telemetry/metrics.ts';
import { createMetricsServer } from './platform/telemetry/server.ts';
import { createTracer, type Tracer } from './platform/telemetry/trace.ts';
import { createApiRole } from './roles/api.ts';
import { createWorkerRole } from './roles/worker.ts';

export type AppOptions = {
  readonly log?: Logger;
  /** Instead of one that exports to `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly tracer?: Tracer;
  readonly clock?: Clock;
  readonly limits?: Partial<Limits>;
  /** Of the WebSockets. */
  readonly sockets?: Partial<SocketLimits>;
  /** How fast the rehearsal speaks. */
  readonly pace?: Pace;
  /** Where to look for model servers on this machine. */
  readonly localPorts?: readonly number[];
  /** How long readiness says 503 before the doors close. */
  readonly lingerMs?: number;
  /** The database is lost for good: the process cannot go on, and should stop. */
  readonly onLost?: (error: Error) => void;
  /** What this process does. Default: everything. */
  readonly roles?: readonly Role[];
};

/** `api` answers requests; `worker` moves events, and runs consumers, jobs and schedules. */
export type Role = 'api' | 'worker';
export const ROLES: readonly Role[] = ['api', 'worker'];

const rolesOf = ({ roles = ROLES }: AppOptions): readonly Role[] => roles;

/** Whether other processes may serve the same database: they need a Redis to hear of one another. */
const isShared = ({ databaseUrl, redisUrl }: Config): boolean => databaseUrl !== undefined && redisUrl !== undefined;

const MIGRATIONS = fileURLToPath(new URL('../migrations', import.meta.url));

/** The whole server in one process: config → resources → modules → roles. Nothing runs before `start`. */
export async function createApp(config: Config, options: AppOptions = {}) {
  const resources = await createResources(config, options);
  const { log, metrics, tracer, db, redis, types, announcements, sequencer, signals } = resources;
  const roles = new Set(rolesOf(options));
  const groups: string[] = [];
  const modules = createModules(config, options, { ...resources, groups: () => groups });
  const { identity, access } = modules;
  const platform: Module = { name: 'platform', schedules: [purgeSchedule(db)] };
  const list: readonly Module[] = [platform, ...Object.values(modules)];
  for (const { events = [] } of list) types.register(events);
  for (const { counts = [] } of list) resources.counts.add(counts);
  for (const { consumers = [] } of list) groups.push(...consumers.map(({ group }) => group));

  const probes = { ping: db.ping, ...(redis && { redis: redis.probe }) };
  const api = createApiRole({
    ...{ probes, config, log, metrics, tracer, db, modules: list },
    ...{ secrets: resources.secrets, hub: resources.hub, limiter: resources.limiter },
    ...{ authenticate: access.authenticate, onDenied: access.onDenied },
    sockets: options.sockets,
    limits: { default: { tokens: config.requestsPerMinute, windowSeconds: 60 }, ...options.limits },
    ...(options.lingerMs !== undefined && { lingerMs: options.lingerMs }),
  });
  const worker = roles.has('worker')
    ? createWorkerRole({
        ...resources,
        queue: resources.jobs,
        modules: list,
        logRetentionDays: config.logRetentionDays,
      })
    : undefined;
  // Whoever moves a shard's events, in another process, hears of them at once.
  announcements.listen((events) => {
    for (const shard of new Set(events.map(({ tenantId }) => shardOf(tenantId))))
      if (!sequencer.holds(shard)) signals?.tell('events', String(shard));
  });
  let stopping = false;
  const internal = createMetricsServer({
    ...{ host: config.internalHost, port: config.metricsPort, metrics },
    ready: (allowDegraded) => readiness({ ...probes, draining: () => stopping || api.http.draining }, allowDegraded),
  });
  const service = inOrder('parley', [
    ...[internal, ...servicesOf(resources)],
    ...(worker ? [worker.service] : []),
    ...(roles.has('api') ? [api.service] : []),
  ]);

  return {
    ...{ config, log, db, redis, clock: resources.clock, database: resources.database, secrets: resources.secrets },
    ...modules,
    roles: [...roles],
    hub: resources.hub,
    http: api.http,
    metrics,
    /** What the worker runs, by name; undefined in a process that is none. */
    runs: worker?.runs,
    internal,
    eventTypes: types,
    start: service.start,
    /** Drains and stops everything. Twice is fine, and so is before `start` has finished. */
    stop: (deadlineMs: number) => {
      stopping = true;
      return service.stop(deadlineMs);
    },
    /** Resolves when every event that was announced until now has had its effects. For tests. */
    async settle(): Promise<void> {
      await Promise.all([identity.settled(), access.settled()]);
      await worker?.settle();
      // What hears of events only to answer requests (caches, streams) has heard of all that is in the log.
      await resources.feed.caughtUp();
    },
  };
}

export type App = Awaited<ReturnType<typeof createApp>>;
type Resources = Awaited<ReturnType<typeof createResources>>;

/** What modules stand on. */
async function createResources(config: Config, options: AppOptions) {
  const { clock = systemClock, onLost = () => {} } = options;
  const format = logFormatOf(config.logFormat, config.profile);
  const log = options.log ?? createLog({ level: config.debug ? 'debug' : 'info', format });
  const metrics = createMetrics();
  const tracer = options.tracer ?? createTracer(await spanSource(config));
  const database = createDatabase({
    databaseUrl: config.databaseUrl,
    dataDir: config.dataDir,
    migrations: MIGRATIONS,
    autoMigrate: config.profile !== 'production',
    shared: isShared(config),
    onLost,
  });
  const announcements = createAnnouncements();
  const db = openDb({ url: database.url, writeOutbox: announcements.writeOutbox });
  measurePools(metrics, db.pools);
  const redis = await openRedis(config, { log, metrics, db });
  const secrets = createSecrets({ db, masterKey: config.masterKey });
  const reliability = createReliability({ metrics, log });
  const shared = redis && { redis, guard: redisGuard(reliability) };
  const limiter = createLimiter({ clock, metrics, shared });
  const caches = createCaches({ metrics, shared });
  const cursors = createCursors(config.masterKey);
  const outbound = createOutbound({ allow: config.outboundAllow });
  const payments = createPayments({ config, outbound, reliability, clock, log });
  const onReleased = () => signals?.tell('leases', '');
  const leases = createLeases({
    ...{ db, log, roles: rolesOf(options), onReleased },
    ...(isShared(config) && { among: 'worker' }),
    breakers: () => reliability.snapshot().breakers,
  });
  const { tail, signals } = await openBackbone(redis, { log, metrics, self: leases.processId });
  const types = createEventTypes();
  const feed = createFeed({ db, tail, types, log, metrics, onLost });
  const relay = redis && createRelay({ tail, feed });
  const hub = createHub({ db, feed, types, announcements, relay, signals, metrics });
  const counts = createEventCounts(metrics);
  const sequencer = createSequencer({ db, leases, tail, types, log, metrics, counts });
  const notices = createNotices({ url: database.url, log });
  const onDue = (kind: string) => signals?.tell('jobs', kind);
  const jobs = createQueue({
    ...{ processId: leases.processId, notices },
    ...(!rolesOf(options).includes('worker') && { onDue }),
  });
  const deadLetters = createDeadLetters({ queue: jobs, metrics, db });
  return {
    ...{ log, metrics, tracer, clock, database, db, redis, announcements, secrets, limiter, cursors, outbound },
    ...{
      payments,
      reliability,
      caches,
      signals,
      leases,
      shared: isShared(config),
      tail,
      types,
      feed,
      hub,
      sequencer,
      counts,
      notices,
      jobs,
      deadLetters,
      pool: createPool({ metrics }),
    },
  };
}

/** The resources that run, in the order in which they need one another. */
function servicesOf(resources: Resources): Service[] {
  const { tracer, metrics, database, db, redis, signals, leases, notices, tail, feed, hub, outbound } = resources;
  // This process owns the database: what the one before it held, it holds no more.
  const predecessors: Service = { name: 'predecessors', start: () => leases.freeDead(), stop: async () => {} };
  return [
    { name: 'telemetry', start: async () => {}, stop: () => tracer.close().finally(metrics.close) },
    resources.pool,
    database,
    { name: 'connections', start: db.ping, stop: db.close },
    ...(redis && signals ? [redis, signals] : []),
    leases,
    ...(resources.shared ? [] : [predecessors]),
    notices,
    { name: 'tail', start: async () => {}, stop: () => tail.close() },
    feed,
    hub,
    { name: 'outbound', start: async () => {}, stop: () => outbound.close() },
    resources.payments.lifecycle,
  ];
}

/** Every module, in the order of the design: each may use those above it. */
function createModules(
  config: Config,
  options: AppOptions,
  resources: Resources & { groups: () => readonly string[] },
) {
  const { db, clock, secrets, hub, limiter, reliability, log, cursors, jobs, types, deadLetters, groups } = resources;
  const identity = createIdentity({ db, clock, config, secrets, hub, limiter, reliability, log });
  const access = createAccess({ db, clock, hub, identity, log });
  const audit = createAudit({
    ...{ db, clock, identity, cursors, reliability, log },
    also: [providerChanged, defaultModelChanged, ...WEBHOOK_EVENTS],
  });
  const traces = createTraces({ db, cursors });
  const models = createModels({
    ...{ db, clock, secrets, log, traces, config },
    ...{ outbound: resources.outbound, metrics: resources.metrics, tracer: resources.tracer },
    ...(options.pace && { pace: options.pace }),
    ...(options.localPorts && { localPorts: options.localPorts }),
  });
  const knowledge = createKnowledge({ db, pool: resources.pool });
  const catalog = createCatalog({ db, hub, caches: resources.caches });
  const orders = createOrders({
    ...{ db, clock, hub, jobs, cursors, catalog, metrics: resources.metrics },
    ...{ service: resources.payments.service, expiryMs: config.orderExpiryMinutes * 60_000 },
  });
  const agents = createAgents({ db, models, knowledge });
  const people = { findMember: identity.findMember, findKeyName: access.findKeyName };
  const discussions = createDiscussions({
    ...{ db, clock, hub, jobs, cursors, log },
    ...{ people, keys: access, traces, models, knowledge, agents },
    ...{ metrics: resources.metrics, shared: resources.shared },
  });
  const webhooks = createWebhooks({
    ...{ db, clock, jobs, hub, types, secrets, cursors, log },
    ...{ outbound: resources.outbound, metrics: resources.metrics },
    horizon: (tenantId) => resources.feed.horizon(shardOf(tenantId)),
    userAgent: `Parley-Webhooks/${config.version}`,
    retentionDays: config.logRetentionDays,
  });
  const facts = factsOf(config, rolesOf(options));
  const operations = createOperations({
    ...{ db, hub, types, deadLetters, cursors, clock, facts, groups },
    ...{ redis: resources.redis, reliability: resources.reliability, caches: resources.caches },
    processId: resources.leases.processId,
  });
  const openai = createOpenAi({ models, agents, clock });
  return {
    identity,
    access,
    audit,
    traces,
    models,
    knowledge,
    catalog,
    orders,
    agents,
    discussions,
    webhooks,
    operations,
    openai,
  };
}

/** What the system page tells of this process. */
const factsOf = (config: Config, roles: readonly Role[]) => ({
  ...{ name: config.projectName, version: config.version, profile: config.profile },
  ...{ roles, packagedDatabase: config.databaseUrl === undefined },
  logRetentionDays: config.logRetentionDays,
});

/** The client takes 40 ms to load: only where there is a Redis. */
async function openRedis(
  { redisUrl: url, redisPrefix: prefix }: Config,
  { log, metrics, db }: { log: Logger; metrics: Metrics; db: Db },
): Promise<Redis | undefined> {
  if (url === undefined) return undefined;
  const { createRedis } = await import('./platform/redis/redis.ts');
  const namespace = async () => (await db.system.first(logIdentity))?.identity ?? '';
  return createRedis({ url, prefix, namespace, log, metrics });
}

/** How events reach other processes, and what these tell one another. */
async function openBackbone(
  redis: Redis | undefined,
  { log, metrics, self }: { log: Logger; metrics: Metrics; self: string },
): Promise<{ tail: Tail; signals?: Signals }> {
  if (redis === undefined) return { tail: createMemoryTail() };
  const { createSignals } = await import('./platform/redis/signals.ts');
  const { createRedisTail } = await import('./platform/events/tail-redis.ts');
  return { tail: createRedisTail({ redis, log, metrics }), signals: createSignals({ redis, log, self }) };
}

/** What may be missed: a request does not wait for a Redis that hangs, and soon does not ask it any more. */
const redisGuard = (reliability: Reliability): Guard =>
  createGuard({
    breaker: reliability.breaker({ name: 'redis', openMs: 500, maxOpenMs: 2_000, window: 8 }),
    deadlineMs: 40,
  });

/** The exporter takes 60 ms to load: only where there is somewhere to export to. */
async function spanSource({ otlpEndpoint: endpoint, version }: Config) {
  if (endpoint === undefined) return {};
  const { otlpSpans } = await import('./platform/telemetry/trace-otlp.ts');
  return { source: otlpSpans({ endpoint, serviceName: 'parley', serviceVersion: version }) };
}
