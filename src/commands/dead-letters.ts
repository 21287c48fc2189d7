import { parseArgs } from 'node:util';
import { isUuid, uuidv7 } from '../lib/ids.ts';
import type { Config } from '../platform/config/config.ts';
import { loadConfig } from '../platform/config/load.ts';
import type { Ctx } from '../platform/context.ts';
import { createEmbedded } from '../platform/db/embedded.ts';
import { isConnectionError } from '../platform/db/errors.ts';
import { openDb } from '../platform/db/open.ts';
import type { Db } from '../platform/db/queries.ts';
import {
  createDeadLetters,
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetters,
  tenantsWithLetters,
} from '../platform/dead-letters/dead-letters.ts';
import { createQueue } from '../platform/jobs/queue.ts';
import { systemCtx } from '../platform/system-ctx.ts';
import { type Command, type CommandIo, EXIT, UsageError } from './command.ts';

const USAGE = `parley dead-letters list [filters] [--limit N] [--json]
parley dead-letters show ID
parley dead-letters requeue ID... | requeue filters | requeue --all
parley dead-letters discard ID... | discard filters | discard --all
Filters: --tenant ID, --group NAME, --type NAME, --stream NAME, --source event|job, --status failed|parked|requeued.
A letter's whole stream is requeued with it, in order. Without --tenant: of all tenants.`;

const STOP_DEADLINE_MS = 10_000;
const MAX_LISTED = 1000;
/** What one call of the others takes at most. */
const AT_ONCE = 1000;

const OPTIONS = {
  tenant: { type: 'string' },
  group: { type: 'string' },
  type: { type: 'string' },
  stream: { type: 'string' },
  source: { type: 'string' },
  status: { type: 'string' },
  limit: { type: 'string', default: '50' },
  all: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} as const;

/** Looks at dead letters, and deals with them, beside a server that runs or without one. */
export const deadLetters: Command = async (io) => {
  const wish = parse(io.args);
  const { config } = loadConfig(io.folder, io.version);
  return withDatabase(config, async (db) => {
    const letters = createDeadLetters({ queue: createQueue() });
    const tenants = wish.tenant === undefined ? await tenantsWithLetters(db) : [wish.tenant];
    const ctxs = tenants.map((tenantId) =>
      systemCtx({ tenantId, id: 'dead-letters', requestId: uuidv7(), signal: io.signal }),
    );
    return STEPS[wish.step]({ db, letters, ctxs, io }, wish);
  });
};

type Wish = {
  readonly step: keyof typeof STEPS;
  readonly filter: DeadLetterFilter;
  readonly tenant: string | undefined;
  readonly limit: number;
  readonly json: boolean;
};

type Work = { readonly db: Db; readonly letters: DeadLetters; readonly ctxs: readonly Ctx[]; readonly io: CommandIo };

const STEPS = {
  async list({ db, letters, ctxs, io }: Work, { filter, limit, json }: Wish): Promise<number> {
    const found: { tenant: string; letter: DeadLetter }[] = [];
    for (const ctx of ctxs)
      for (const letter of await letters.list(db.reader(ctx), { ...filter, before: undefined, limit }))
        found.push({ tenant: ctx.tenantId, letter });
    const newest = found.sort((a, b) => (a.letter.id < b.letter.id ? 1 : -1)).slice(0, limit);
    if (json) for (const one of newest) io.out(JSON.stringify(told(one.tenant, one.letter)));
    else for (const line of table(newest)) io.out(line);
    return EXIT.ok;
  },

  async show({ db, letters, ctxs, io }: Work, { filter }: Wish): Promise<number> {
    for (const ctx of ctxs) {
      const letter = await letters.get(db.reader(ctx), filter.ids?.[0] ?? '');
      if (letter === undefined) continue;
      io.out(JSON.stringify({ ...told(ctx.tenantId, letter), body: letter.body }, null, 2));
      return EXIT.ok;
    }
    io.say('There is no such letter.');
    return EXIT.failed;
  },

  async requeue({ db, letters, ctxs, io }: Work, { filter }: Wish): Promise<number> {
    let [requeued, kept] = [0, 0];
    for (const ctx of ctxs) {
      if (filter.source !== 'job')
        requeued += (await db.inTx(ctx, (tx) => letters.requeue(tx, { ...filter, source: 'event' }))).requeued;
      if (filter.source === 'event') continue;
      const jobs = () => db.inTx(ctx, (tx) => letters.requeue(tx, { ...filter, source: 'job' }));
      let done = await jobs();
      for (requeued += done.requeued; done.requeued >= AT_ONCE; requeued += done.requeued) done = await jobs();
      kept += done.kept;
    }
    io.out(`requeued ${requeued}`);
    if (kept > 0) io.say(`${kept} stay: unfinished jobs have their keys. Wait for these and call it again.`);
    return kept === 0 && (requeued > 0 || filter.ids === undefined) ? EXIT.ok : EXIT.failed;
  },

  async discard({ db, letters, ctxs, io }: Work, { filter }: Wish): Promise<number> {
    let discarded = 0;
    for (const ctx of ctxs) {
      for (let count = -1; count !== 0; discarded += count)
        count = await db.inTx(ctx, (tx) => letters.discard(tx, filter));
    }
    io.out(`discarded ${discarded}`);
    return discarded > 0 || filter.ids === undefined ? EXIT.ok : EXIT.failed;
  },
};

function parse(args: readonly string[]): Wish {
  const { values, positionals } = read(args);
  const [step = '', ...ids] = positionals;
  const { tenant, group, type, stream, source, status, limit, all, json } = values;
  if (!isStep(step) || !ids.every(isUuid) || (tenant !== undefined && !isUuid(tenant))) throw new UsageError(USAGE);
  const listed = Number(limit);
  if (!Number.isInteger(listed) || listed < 1 || listed > MAX_LISTED)
    throw new UsageError(`--limit is a number from 1 to ${MAX_LISTED}.`);
  const named = { group, type, stream, source: oneOf(SOURCES, source), status: oneOf(STATUSES, status) };
  const filtered = Object.values(named).some((value) => value !== undefined);
  if (step === 'show' ? ids.length !== 1 : step === 'list' && ids.length > 0) throw new UsageError(USAGE);
  const changes = step === 'requeue' || step === 'discard';
  // Everything at once is said, never meant by leaving something out.
  if (changes && ids.length === 0 && !filtered && !all) throw new UsageError(USAGE);
  if (all && (ids.length > 0 || !changes)) throw new UsageError(USAGE);
  return { step, filter: { ...named, ...(ids.length > 0 && { ids }) }, tenant, limit: listed, json };
}

function read(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${USAGE}`);
  }
}

const SOURCES = ['event', 'job'] as const;
const STATUSES = ['failed', 'parked', 'requeued'] as const;

function oneOf<T extends string>(known: readonly T[], text: string | undefined): T | undefined {
  const found = known.find((name) => name === text);
  if (text !== undefined && found === undefined) throw new UsageError(USAGE);
  return found;
}

const isStep = (text: string): text is keyof typeof STEPS => Object.hasOwn(STEPS, text);

const told = (tenant_id: string, letter: DeadLetter) => ({
  tenant_id,
  ...{ id: letter.id, source: letter.source, group: letter.group_name, stream: letter.stream, type: letter.type },
  ...{ position: letter.source === 'event' ? letter.position : null, status: letter.status },
  ...{ error_code: letter.error_code, error_message: letter.error_message },
  ...{ attempts: letter.attempts, crashes: letter.crashes, trace_id: letter.traceparent?.split('-')[1] ?? null },
  ...{ created_at: letter.created_at.toISOString(), updated_at: letter.updated_at.toISOString() },
});

function table(found: readonly { tenant: string; letter: DeadLetter }[]): string[] {
  if (found.length === 0) return ['There are no dead letters.'];
  const rows = [
    ['id', 'tenant', 'status', 'group', 'type', 'stream', 'why', 'tries', 'deaths'],
    ...found.map(({ tenant, letter: l }) => [
      ...[l.id, tenant, l.status, l.group_name, l.type, l.stream, l.error_code ?? ''],
      ...[String(l.attempts), String(l.crashes)],
    ]),
  ];
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** The database as it is: beside a server that runs, or, where the packaged one rests, started for as long as this takes. */
async function withDatabase<T>(config: Config, work: (db: Db) => Promise<T>): Promise<T> {
  const embedded = config.databaseUrl === undefined ? createEmbedded({ dataDir: config.dataDir }) : undefined;
  const db = openDb({
    url: config.databaseUrl ?? embedded?.url ?? '',
    writeOutbox: async () => {},
  });
  let started = false;
  try {
    await db.ping().catch(async (error: unknown) => {
      if (embedded === undefined || !isAway(error)) throw error;
      await embedded.start();
      started = true;
    });
    return await work(db);
  } finally {
    await db.close();
    if (started) await embedded?.stop(STOP_DEADLINE_MS);
  }
}

const isAway = (error: unknown): boolean =>
  isConnectionError(error) || (error instanceof Error && error.cause !== undefined && isConnectionError(error.cause));
