import type { Clock } from '../../lib/clock.ts';
import { uuidv7 } from '../../lib/ids.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Db, Reader, Tx } from '../../platform/db/queries.ts';
import type { LogEvent } from '../../platform/events/define.ts';
import type { Reliability } from '../../platform/reliability/reliability.ts';
import { systemCtx } from '../../platform/system-ctx.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import type { Identity } from '../identity/index.ts';
import { actorOf, type Break, type Entry, follow, GENESIS, type Head, hashOf } from './rules.ts';
import type { AuditRecord, Verification } from './schemas.ts';
import * as store from './store.ts';

const CHECKPOINT = 'parley-audit-checkpoint';
const PAGE = 500;
const TENANTS_A_BATCH = 100;
/** Walking a chain is the dearest read we have. */
const WALKS_AT_ONCE = 2;
const WALKS_WAITING = 8;

type Checkpoint = { readonly tenant_id: string; readonly seq: number; readonly hash: string; readonly time: string };
type BrokenAt = NonNullable<Verification['broken_at']>;

export type Audit = ReturnType<typeof createService>;

type AuditDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly statements: Identity['statements'];
  readonly reliability: Pick<Reliability, 'bulkhead'>;
  readonly log: Logger;
};

export function createService({ db, clock, statements, reliability, log }: AuditDeps) {
  const gate = reliability.bulkhead({ name: 'audit_walks', limit: WALKS_AT_ONCE, queue: WALKS_WAITING });

  const sign = (tenantId: string, { seq, hash }: Head) => {
    const time = clock.now().toISOString();
    const checkpoint: Checkpoint = { tenant_id: tenantId, seq, hash: hash.toString('hex'), time };
    return statements.signStatement(CHECKPOINT, checkpoint);
  };

  /** A checkpoint of this tenant that we signed. */
  async function read(tenantId: string, statement: string): Promise<Checkpoint | undefined> {
    const value = (await statements.readStatement(CHECKPOINT, statement)) as Checkpoint | undefined;
    return value?.tenant_id === tenantId ? value : undefined;
  }

  /** What is wrong with the checkpoints between two places of a chain that was just followed. */
  async function compare(reader: Reader, links: readonly Head[], after: number): Promise<BrokenAt | undefined> {
    const { tenantId } = reader.ctx;
    const last = links.at(-1)?.seq ?? after;
    const hashes = new Map(links.map((link) => [link.seq, link.hash.toString('hex')]));
    for (const row of await store.listCheckpoints(reader, tenantId, after, PAGE)) {
      if (row.seq > last) break;
      const checkpoint = await read(tenantId, row.statement);
      if (checkpoint?.seq !== row.seq) return { seq: row.seq, reason: 'checkpoint_invalid' };
      if (hashes.get(row.seq) !== checkpoint.hash) return { seq: row.seq, reason: 'checkpoint_mismatch' };
    }
    return undefined;
  }

  /** Walks the whole chain. `kept` is a checkpoint from outside, whose record must be passed on the way. */
  async function walk(
    reader: Reader,
    kept: Checkpoint | undefined,
  ): Promise<{ head: Head; broken?: Break | BrokenAt }> {
    const { tenantId, signal } = reader.ctx;
    let head: Head = { seq: 0, hash: GENESIS };
    for (let ended = false; ; ) {
      signal.throwIfAborted();
      const rows = await store.listChain(reader, tenantId, head.seq, PAGE);
      const links = rows.map((row) => asLink(tenantId, row));
      const result = follow(head, links);
      if ('broken' in result) return { head, broken: result.broken };
      const fault = await compare(reader, links, head.seq);
      if (fault !== undefined) return { head, broken: fault };
      const passed = kept && links.find((link) => link.seq === kept.seq);
      if (kept && passed && passed.hash.toString('hex') !== kept.hash)
        return { head, broken: { seq: kept.seq, reason: 'checkpoint_mismatch' } };
      if (rows.length > 0) {
        ended = false;
        head = result.head;
        continue;
      }
      // A checkpoint beyond the end: either records came since the page was read, or they were cut off.
      const [beyond] = await store.listCheckpoints(reader, tenantId, head.seq, 1);
      if (beyond === undefined && (kept === undefined || kept.seq <= head.seq)) return { head };
      if (ended) return { head, broken: { seq: head.seq + 1, reason: 'truncated' } };
      ended = true;
    }
  }

  return {
    /** Adds an event to its tenant's chain, in the consumer's transaction; one that is there already, not again. */
    async record(tx: Tx, event: LogEvent): Promise<void> {
      const { tenantId } = tx.ctx;
      await store.lockChain(tx);
      if (await store.hasEvent(tx, tenantId, event.id)) return;
      const head = (await store.findHead(tx, tenantId)) ?? { seq: 0, hash: GENESIS };
      const actor = actorOf(event.data);
      const entry: Entry = {
        tenantId,
        seq: head.seq + 1,
        eventId: event.id,
        type: event.type,
        time: event.time,
        actorKind: actor?.kind ?? null,
        actorId: actor?.id ?? null,
        subject: event.subject,
        data: event.data,
      };
      await store.insertRecord(tx, {
        tenantId,
        seq: entry.seq,
        event_id: entry.eventId,
        type: entry.type,
        time: new Date(entry.time),
        actor_kind: entry.actorKind,
        actor_id: entry.actorId,
        subject: entry.subject,
        data: event.data as Record<string, unknown>,
        previous_hash: head.hash,
        hash: hashOf(head.hash, entry),
      });
    },

    /** Records before `beforeSeq`, the newest first. */
    async list(ctx: Ctx, query: store.Filter & { beforeSeq: number; limit: number }): Promise<AuditRecord[]> {
      return (await store.listRecords(db.reader(ctx), ctx.tenantId, query)).map(asRecord);
    },

    /** Walks the chain, and compares it with every checkpoint that we signed, and with one that the caller kept. */
    async verify(ctx: Ctx, statement: string | undefined): Promise<Verification> {
      const kept = statement === undefined ? undefined : await read(ctx.tenantId, statement);
      if (statement !== undefined && kept === undefined)
        return {
          valid: false,
          records: 0,
          broken_at: { seq: 0, reason: 'checkpoint_invalid' },
          checkpoint: null,
        };
      const { head, broken } = await gate.run(() => walk(db.reader(ctx), kept));
      const sound = broken === undefined && head.seq > 0;
      return {
        valid: broken === undefined,
        records: head.seq,
        broken_at: broken ?? null,
        checkpoint: sound ? await sign(ctx.tenantId, head) : null,
      };
    },

    /**
     * Signs the head of every chain that has grown. The signed heads are also logged, so that they leave the
     * database: who cuts a chain short would have to cut the logs, too.
     */
    async checkpoint(signal: AbortSignal): Promise<void> {
      let after = '00000000-0000-0000-0000-000000000000';
      for (;;) {
        const grown = await store.listUnchecked(db.system, after, TENANTS_A_BATCH);
        for (const { tenant_id: tenantId, seq, hash } of grown) {
          if (signal.aborted) return;
          const statement = await sign(tenantId, { seq, hash });
          const ctx = systemCtx({ tenantId, id: 'audit', requestId: uuidv7(), signal });
          const row = { tenantId, seq, hash, statement, now: clock.now() };
          await db.inTx(ctx, (tx) => store.insertCheckpoint(tx, row));
          log.info('Audit checkpoint', { tenant_id: tenantId, position: seq, checkpoint: statement });
        }
        const last = grown.at(-1);
        if (last === undefined || signal.aborted) return;
        after = last.tenant_id;
      }
    },
  };
}

const asLink = (tenantId: string, row: store.RecordRow) => ({
  tenantId,
  seq: row.seq,
  eventId: row.event_id,
  type: row.type,
  time: row.time.toISOString(),
  actorKind: row.actor_kind,
  actorId: row.actor_id,
  subject: row.subject,
  data: row.data,
  previousHash: row.previous_hash,
  hash: row.hash,
});

const asRecord = (row: store.RecordRow): AuditRecord => ({
  seq: row.seq,
  id: row.event_id,
  type: row.type,
  time: row.time.toISOString(),
  actor: row.actor_kind === null || row.actor_id === null ? null : { kind: row.actor_kind, id: row.actor_id },
  subject: row.subject,
  data: row.data,
  previous_hash: row.previous_hash.toString('hex'),
  hash: row.hash.toString('hex'),
});
