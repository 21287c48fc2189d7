import type { Secrets } from '../../platform/config/secrets.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Db, Tx } from '../../platform/db/queries.ts';
import { append } from '../../platform/events/outbox.ts';
import { AppError } from '../../platform/http/errors.ts';
import { validationFailed } from '../../platform/http/validation.ts';
import { type Outbound, OutboundRefused } from '../../platform/net/outbound.ts';
import { by } from '../identity/index.ts';
import { providerChanged } from './events.ts';
import type { LocalServers } from './local.ts';
import {
  BASE_URLS,
  type Connection,
  kindOfName,
  orderConnections,
  type ProviderKind,
  RESERVED_NAMES,
  trimSlash,
} from './rules.ts';
import type { Provider, PutProvider } from './schemas.ts';
import * as store from './store.ts';

/** The providers of a tenant, and of the operator. */
export type Providers = {
  list(ctx: Ctx): Promise<Provider[]>;
  /** Throws `validation_failed`, `limit_reached`. */
  put(ctx: Ctx, name: string, input: PutProvider): Promise<Provider>;
  /** Throws `not_found`. */
  remove(ctx: Ctx, name: string): Promise<void>;
  /** What can be asked, a tenant's own first. Keys are opened: never show it. */
  connections(ctx: Ctx): Promise<Connection[]>;
  /** The same for one name. */
  connection(ctx: Ctx, name: string): Promise<Connection | undefined>;
};

const MAX_PROVIDERS = 50;

type Deps = {
  readonly db: Db;
  readonly secrets: Secrets;
  readonly outbound: Outbound;
  readonly operator: readonly Connection[];
  readonly local: LocalServers | undefined;
};

const purposeOf = (name: string) => `model_providers/${name}/api_key`;
const defaultUrl = (kind: ProviderKind): string | null => (kind === 'openai_compatible' ? null : BASE_URLS[kind]);
const fault = (field: string, rule: string, message: string) =>
  validationFailed([{ in: 'body', field, rule, message }]);

export function providersService(deps: Deps): Providers {
  const { db, secrets, operator } = deps;

  async function open(ctx: Ctx, row: store.ProviderRow): Promise<Connection> {
    const sealed = row.api_key_sealed;
    return {
      name: row.name,
      kind: row.kind,
      baseUrl: row.base_url ?? (defaultUrl(row.kind) as string),
      apiKey: sealed === null ? undefined : await secrets.open(ctx.tenantId, purposeOf(row.name), sealed),
      // Addresses of ours are trusted: they may lead to the operator's own way out.
      outbound: row.base_url === null ? 'operator' : 'tenant',
    };
  }

  return {
    async list(ctx) {
      const own = await store.listProviders(db.reader(ctx));
      const names = new Set(own.map(({ name }) => name));
      const found = (await deps.local?.find()) ?? [];
      return [
        ...own.map(present),
        ...operator.filter(({ name }) => !names.has(name)).map((connection) => inherited(connection, 'operator')),
        ...found.map(({ connection }) => inherited(connection, 'local')),
      ];
    },

    async put(ctx, name, input) {
      const { kind, baseUrl } = checkPut(deps.outbound, name, input);
      // Sealed before the transaction: making a tenant's data key is one of its own.
      const sealed =
        typeof input.api_key === 'string'
          ? await secrets.seal(ctx.tenantId, purposeOf(name), input.api_key)
          : undefined;
      return db.inTx(ctx, (tx) => keep(tx, { name, kind, baseUrl, sealed, input }));
    },

    remove: (ctx, name) =>
      db.inTx(ctx, async (tx) => {
        const old = await store.lockProvider(tx, name);
        if (old === undefined) throw new AppError('not_found', { message: 'This tenant has no such provider.' });
        await store.deleteProvider(tx, name);
        announce(tx, old, { change: 'removed', key_changed: old.api_key_sealed !== null });
      }),

    async connections(ctx) {
      const rows = await store.listProviders(db.reader(ctx));
      return orderConnections(await Promise.all(rows.map((row) => open(ctx, row))), operator);
    },

    async connection(ctx, name) {
      const row = await store.findProvider(db.reader(ctx), name);
      return row === undefined ? operator.find((connection) => connection.name === name) : open(ctx, row);
    },
  };
}

const present = (row: store.ProviderRow): Provider => ({
  name: row.name,
  kind: row.kind,
  base_url: row.base_url ?? (defaultUrl(row.kind) as string),
  source: 'tenant',
  api_key_set: row.api_key_sealed !== null,
  api_key_last4: row.api_key_last4,
  updated_at: row.updated_at.toISOString(),
});

const inherited = ({ name, kind, baseUrl, apiKey }: Connection, source: 'operator' | 'local'): Provider => ({
  name,
  kind,
  base_url: baseUrl,
  source,
  api_key_set: apiKey !== undefined,
  api_key_last4: null,
  updated_at: null,
});

/** What the name and the fields allow. `baseUrl` is undefined when it is to stay as it is. */
function checkPut(
  outbound: Outbound,
  name: string,
  { kind: asked, base_url }: PutProvider,
): { kind: ProviderKind; baseUrl: string | null | undefined } {
  if (RESERVED_NAMES.has(name)) {
    throw validationFailed([
      { in: 'path', field: 'name', rule: 'reserved', message: 'is a name with a meaning of its own' },
    ]);
  }
  const fixed = kindOfName(name);
  if (fixed !== undefined && asked !== undefined && asked !== fixed) {
    throw fault('kind', 'const', `of ${name} is ${fixed}; give another provider another name`);
  }
  const kind = fixed ?? asked ?? 'openai_compatible';
  if (typeof base_url !== 'string') return { kind, baseUrl: base_url };
  try {
    outbound.check(base_url, 'tenant');
  } catch (error) {
    if (error instanceof OutboundRefused) throw fault('base_url', 'outbound', error.message);
    throw error;
  }
  return { kind, baseUrl: trimSlash(base_url) };
}

async function keep(
  tx: Tx,
  put: {
    name: string;
    kind: ProviderKind;
    baseUrl: string | null | undefined;
    sealed: string | undefined;
    input: PutProvider;
  },
): Promise<Provider> {
  const { name, kind, sealed, input } = put;
  const old = await store.lockProvider(tx, name);
  if (old === undefined && ((await store.countProviders(tx))?.count ?? 0) >= MAX_PROVIDERS) {
    throw new AppError('limit_reached', { message: `A tenant has ${MAX_PROVIDERS} providers at most.` });
  }
  const baseUrl = put.baseUrl === undefined ? (old?.base_url ?? null) : put.baseUrl;
  if (baseUrl === null && defaultUrl(kind) === null) {
    throw fault('base_url', 'required', 'is needed: this provider has no address of its own');
  }
  const moved = old !== undefined && (old.base_url !== baseUrl || old.kind !== kind);
  if (moved && old.api_key_sealed !== null && input.api_key === undefined) {
    // Else whoever may change an address could have the key, which nobody may read, sent to it.
    throw fault('api_key', 'required', 'must be given again with another address');
  }
  const key =
    sealed !== undefined
      ? { api_key_sealed: sealed, api_key_last4: (input.api_key as string).slice(-4) }
      : input.api_key === null || old === undefined
        ? { api_key_sealed: null, api_key_last4: null }
        : { api_key_sealed: old.api_key_sealed, api_key_last4: old.api_key_last4 };
  if (key.api_key_sealed === null && kind !== 'openai_compatible') {
    throw fault('api_key', 'required', 'is needed: this provider answers nobody without one');
  }
  const row = await store.upsertProvider(tx, { name, kind, base_url: baseUrl, ...key });
  announce(tx, row, { change: 'set', key_changed: (old?.api_key_sealed ?? null) !== row.api_key_sealed });
  return present(row);
}

function announce(tx: Tx, row: store.ProviderRow, what: { change: 'set' | 'removed'; key_changed: boolean }): void {
  const { name, kind, base_url } = row;
  const host = base_url === null ? null : new URL(base_url).host;
  const data = { name, kind, host, ...what, by: by(tx.ctx.actor) };
  append(tx, providerChanged, { stream: `models/${name}`, subject: name, data });
}
