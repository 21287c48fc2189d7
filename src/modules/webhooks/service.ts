import { uuidv7 } from '../../lib/ids.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Db, Tx } from '../../platform/db/queries.ts';
import { append } from '../../platform/events/outbox.ts';
import { AppError } from '../../platform/http/errors.ts';
import { validationFailed } from '../../platform/http/validation.ts';
import type { Jobs } from '../../platform/jobs/define.ts';
import { type Outbound, OutboundRefused } from '../../platform/net/outbound.ts';
import { formatCursor, parseCursor } from '../../platform/realtime/cursor.ts';
import type { Cursor, Hub } from '../../platform/realtime/hub.ts';
import { by } from '../identity/index.ts';
import { cancelPending } from './deliveries/store.ts';
import { webhookChanged, webhookCreated } from './events.ts';
import { REPLAY_JOB, type ReplayPayload } from './replay.ts';
import { GUARDED_TOPIC } from './rules.ts';
import {
  type ChangeWebhook,
  type CreateWebhook,
  MAX_WEBHOOKS,
  type NewWebhook,
  type Replay,
  type StartReplay,
  type Webhook,
} from './schemas.ts';
import type { SealedSecret, WebhookSecrets } from './secrets.ts';
import * as store from './store.ts';
import type { Topics } from './topics.ts';

export type Page<T> = { items: T[]; total: number; page: number; page_size: number };
export type Prepared = SealedSecret & { readonly id: string };
type Match = readonly number[] | 'any';

/** Where a tenant wants its events sent. */
export type Webhooks = {
  /** A secret, before the transaction: sealing may make the tenant's data key. For a new webhook, or one that has an id. */
  prepareSecret(ctx: Ctx, id?: string): Promise<Prepared>;
  /** Throws `limit_reached`, `validation_failed` for an address or a type that cannot be, `permission_denied`. */
  create(tx: Tx, input: CreateWebhook, prepared: Prepared): Promise<NewWebhook>;
  list(ctx: Ctx, paging: { page: number; page_size: number }): Promise<Page<Webhook>>;
  /** Throws `not_found`; all that follow do. */
  get(ctx: Ctx, id: string): Promise<Webhook>;
  /** Throws `version_mismatch` when `match` (If-Match) does not name the newest version, and what `create` throws. */
  update(ctx: Ctx, id: string, change: ChangeWebhook & { match: Match }): Promise<Webhook>;
  remove(ctx: Ctx, id: string): Promise<void>;
  /** Turns it on again. Twice is fine. */
  enable(ctx: Ctx, id: string): Promise<Webhook>;
  /** The old secret goes on signing for so many hours. */
  rotate(tx: Tx, change: { id: string; keepHours: number; prepared: Prepared }): Promise<NewWebhook>;
  /** Throws `invalid_cursor`, and `conflict` while another replay runs or the webhook is off. */
  replay(tx: Tx, id: string, range: StartReplay): Promise<Replay>;
};

export type WebhooksDeps = {
  readonly db: Db;
  readonly jobs: Jobs;
  readonly hub: Pick<Hub, 'cursor'>;
  readonly outbound: Pick<Outbound, 'check'>;
  readonly secrets: WebhookSecrets;
  readonly topics: Topics;
  /** The first position of the tenant's log that is still kept. */
  readonly horizon: (tenantId: string) => number;
};

export const missing = () => new AppError('not_found', { message: 'There is no such webhook.' });
const fault = (field: string, rule: string, message: string) =>
  validationFailed([{ in: 'body', field, rule, message }]);

export function webhooksService(deps: WebhooksDeps): Webhooks {
  const { db, secrets } = deps;
  return {
    async prepareSecret({ tenantId }, id = uuidv7()) {
      return { id, ...(await secrets.make(tenantId, id)) };
    },
    create: (tx, input, prepared) => create(deps, tx, { input, prepared }),
    async list(ctx, { page, page_size }) {
      const reader = db.reader(ctx);
      const rows = await store.listWebhooks(reader, { limit: page_size, offset: (page - 1) * page_size });
      const total = rows[0]?.total ?? (page > 1 ? (await store.countWebhooks(reader))?.total : 0) ?? 0;
      return { items: rows.map(present), total, page, page_size };
    },
    async get(ctx, id) {
      const row = await store.findWebhook(db.reader(ctx), id);
      if (!row) throw missing();
      return present(row);
    },
    update: (ctx, id, change) => db.inTx(ctx, (tx) => update(deps, tx, { id, change })),
    remove: (ctx, id) =>
      db.inTx(ctx, async (tx) => {
        const row = await store.lockWebhook(tx, id);
        if (!row) throw missing();
        await store.deleteWebhook(tx, id);
        announce(tx, row, 'deleted');
      }),
    enable: (ctx, id) =>
      db.inTx(ctx, async (tx) => {
        const row = await store.lockWebhook(tx, id);
        if (!row) throw missing();
        return present(row.enabled ? row : await turn(tx, row, true));
      }),
    async rotate(tx, { id, keepHours, prepared }) {
      const { tenantId } = tx.ctx;
      const row = await store.lockWebhook(tx, id);
      if (!row) throw missing();
      const previous = keepHours === 0 ? null : await secrets.asPrevious(tenantId, row);
      const next = await store.replaceSecret(tx, id, { secret: prepared.sealed, previous, keepHours });
      announce(tx, next, 'secret_rotated');
      return { ...present(next), secret: prepared.secret };
    },
    replay: (tx, id, range) => startReplay(deps, tx, { id, range }),
  };
}

async function create(
  deps: WebhooksDeps,
  tx: Tx,
  { input, prepared: { id, secret, sealed } }: { input: CreateWebhook; prepared: Prepared },
): Promise<NewWebhook> {
  const { url, types = null, description = null, enabled = true } = input;
  checkUrl(deps, url);
  checkTypes(deps, tx.ctx, { types, old: null });
  await store.lockList(tx);
  if (((await store.countWebhooks(tx))?.total ?? 0) >= MAX_WEBHOOKS)
    throw new AppError('limit_reached', { message: `A tenant has ${MAX_WEBHOOKS} webhooks at most.` });
  const row = await store.insertWebhook(tx, { id, url, types, description, enabled, secret_sealed: sealed });
  const data = { webhook_id: id, host: hostOf(row), by: by(tx.ctx.actor) };
  append(tx, webhookCreated, { stream: `webhooks/${id}`, subject: id, data });
  return { ...present(row), secret };
}

async function update(
  deps: WebhooksDeps,
  tx: Tx,
  { id, change: { match, enabled, ...change } }: { id: string; change: ChangeWebhook & { match: Match } },
): Promise<Webhook> {
  const old = await store.lockWebhook(tx, id);
  if (!old) throw missing();
  if (match !== 'any' && !match.includes(old.version))
    throw new AppError('version_mismatch', { details: { current_version: old.version } });
  const { url = old.url, types = old.types, description = old.description } = change;
  if (change.url !== undefined) checkUrl(deps, url);
  checkTypes(deps, tx.ctx, { types, old: old.types });
  let row = old;
  if (Object.keys(change).length > 0) {
    row = await store.updateWebhook(tx, id, { url, types, description });
    announce(tx, row, 'updated');
  }
  if (enabled !== undefined && enabled !== row.enabled) row = await turn(tx, row, enabled);
  return present(row);
}

/** On or off, by hand. What waits for one that is turned off waits no more; a replay or a retry brings it back. */
async function turn(tx: Tx, { id }: store.WebhookRow, on: boolean): Promise<store.WebhookRow> {
  const row = on ? await store.enableWebhook(tx, id) : await store.disableWebhook(tx, id, 'manual');
  if (!row) throw missing();
  if (!on) await cancelPending(tx, id);
  announce(tx, row, on ? 'enabled' : 'disabled');
  return row;
}

function checkUrl({ outbound }: WebhooksDeps, url: string): void {
  try {
    outbound.check(url, 'tenant');
  } catch (error) {
    if (error instanceof OutboundRefused) throw fault('url', 'outbound', error.message);
    throw error;
  }
}

/** Types that are named exist; and what only readers of the audit record may know goes only where one of them sends it. */
function checkTypes(
  { topics }: WebhooksDeps,
  ctx: Ctx,
  { types, old }: { types: readonly string[] | null; old: readonly string[] | null },
): void {
  const unknown = types?.findIndex((type) => !topics.has(type) && !old?.includes(type)) ?? -1;
  if (unknown >= 0) throw fault(`types.${unknown}`, 'enum', 'is no event type of this server');
  const guarded = [...(types ?? []), ...(old ?? [])].find((type) => topics.of(type) === GUARDED_TOPIC);
  if (guarded !== undefined && !ctx.permissions.has('audit:read'))
    throw new AppError('permission_denied', {
      message: `Events of the type ${guarded} need the permission audit:read.`,
    });
}

async function startReplay(
  { jobs, hub, horizon }: WebhooksDeps,
  tx: Tx,
  { id, range }: { id: string; range: StartReplay },
): Promise<Replay> {
  const { tenantId } = tx.ctx;
  const row = await store.lockWebhook(tx, id);
  if (!row) throw missing();
  if (!row.enabled) throw new AppError('conflict', { message: 'The webhook is off: turn it on first.' });
  if (row.replay?.status === 'running') throw new AppError('conflict', { message: 'A replay of it is still running.' });
  const head = await hub.cursor(tenantId);
  const from = positionIn(head, range.from);
  const to = Math.min(head.position, range.to === undefined ? head.position : positionIn(head, range.to));
  if (range.to !== undefined && positionIn(head, range.to) < from)
    throw fault('to', 'minimum', 'must not be before `from`');
  const state: store.ReplayState = {
    ...{
      id: uuidv7(),
      status: 'running',
      epoch: head.epoch,
      from,
      to: Math.max(from, to),
      position: from,
      enqueued: 0,
    },
    trimmed: from + 1 < horizon(tenantId),
    started_at: new Date().toISOString(),
  };
  await store.setReplay(tx, id, state);
  const payload: ReplayPayload = { webhook_id: id, replay_id: state.id };
  // One that was cancelled may have left its job behind.
  await jobs.replace(tx, { kind: REPLAY_JOB, key: id, payload });
  return presentReplay(state);
}

/** Positions of another epoch (before a restore) say nothing about this log. */
function positionIn(head: Cursor, text: string): number {
  const cursor = parseCursor(text);
  if (cursor === undefined || cursor.epoch !== head.epoch)
    throw new AppError('invalid_cursor', { message: 'The cursor is not of this log.' });
  return cursor.position;
}

const hostOf = ({ url }: store.WebhookRow): string => new URL(url).host;

type Change = 'updated' | 'enabled' | 'disabled' | 'secret_rotated' | 'deleted';

function announce(tx: Tx, row: store.WebhookRow, change: Change): void {
  const data = { webhook_id: row.id, host: hostOf(row), change, by: by(tx.ctx.actor) };
  append(tx, webhookChanged, { stream: `webhooks/${row.id}`, subject: row.id, data });
}

const present = (row: store.WebhookRow): Webhook => ({
  id: row.id,
  url: row.url,
  types: row.types,
  description: row.description,
  enabled: row.enabled,
  disabled_reason: row.disabled_reason,
  disabled_at: row.disabled_at?.toISOString() ?? null,
  failing_since: row.failing_since?.toISOString() ?? null,
  previous_secret_expires_at: row.previous_until?.toISOString() ?? null,
  replay: row.replay && presentReplay(row.replay),
  version: row.version,
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
});

function presentReplay({ epoch, from, to, position, ...state }: store.ReplayState): Replay {
  const at = (place: number) => formatCursor({ epoch, position: place });
  return { ...state, from: at(from), to: at(to), position: at(position) };
}
