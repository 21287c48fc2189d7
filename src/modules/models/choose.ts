import type { Ctx } from '../../platform/context.ts';
import type { Db } from '../../platform/db/queries.ts';
import { append } from '../../platform/events/outbox.ts';
import { AppError } from '../../platform/http/errors.ts';
import type { Outbound } from '../../platform/net/outbound.ts';
import { by } from '../identity/index.ts';
import type { Catalog } from './catalog.ts';
import { defaultModelChanged } from './events.ts';
import { providerSources } from './generate/provider.ts';
import type { Source } from './generate/source.ts';
import type { LocalServers } from './local.ts';
import { type Connection, defaultModelOf, LOCAL, parseModelId } from './rules.ts';
import type { DefaultModel } from './schemas.ts';
import type { Providers } from './service.ts';
import * as store from './store.ts';

/** A model as lists show it. */
export type ModelInfo = {
  readonly id: string;
  readonly provider: string;
  readonly rehearsal: boolean;
};

/** Which models there are for a tenant, and which one a request gets. */
export type Choice = {
  /** Throws `model_not_found`. */
  resolve(ctx: Ctx, model: string | undefined): Promise<Source>;
  /** The rehearsal is always among them. A provider that cannot be asked is left out. */
  list(ctx: Ctx): Promise<ModelInfo[]>;
  getDefault(ctx: Ctx): Promise<DefaultModel>;
  /** Null leaves it to what is configured. Throws `model_not_found`. */
  setDefault(ctx: Ctx, model: string | null): Promise<DefaultModel>;
};

type Deps = {
  readonly db: Db;
  readonly providers: Providers;
  readonly catalog: Catalog;
  readonly local: LocalServers | undefined;
  readonly outbound: Outbound;
  readonly rehearsal: Source;
};

export function createChoice(deps: Deps): Choice {
  const { db, providers, catalog, local, outbound, rehearsal } = deps;
  const sourceOf = providerSources(outbound);

  async function named(ctx: Ctx, id: string): Promise<Source> {
    if (id === rehearsal.id) return rehearsal;
    const parsed = parseModelId(id);
    if (parsed === undefined) throw missing(id);
    const connection = (await providers.connection(ctx, parsed.provider)) ?? (await onThisMachine(parsed));
    if (connection === undefined) throw missing(id, parsed.provider);
    return sourceOf(connection, parsed.model);
  }

  async function onThisMachine({
    provider,
    model,
  }: {
    provider: string;
    model: string;
  }): Promise<Connection | undefined> {
    if (provider !== LOCAL) return undefined;
    return (await local?.find())?.find(({ models }) => models.includes(model))?.connection;
  }

  /** The tenant's providers, then the operator's, then a server on this machine, then the rehearsal. */
  async function automatic(ctx: Ctx): Promise<Source> {
    for (const connection of await providers.connections(ctx)) {
      const model = defaultModelOf(connection.kind, await catalog.modelsOf(connection));
      if (model !== undefined) return sourceOf(connection, model);
    }
    const [server] = (await local?.find()) ?? [];
    const model = server?.models[0];
    return server && model ? sourceOf(server.connection, model) : rehearsal;
  }

  async function getDefault(ctx: Ctx): Promise<DefaultModel> {
    const chosen = (await store.findDefaultModel(db.reader(ctx)))?.default_model ?? null;
    return { model: chosen, effective: chosen ?? (await automatic(ctx)).id };
  }

  return {
    async resolve(ctx, model) {
      if (model !== undefined) return named(ctx, model);
      const chosen = (await store.findDefaultModel(db.reader(ctx)))?.default_model;
      return chosen == null ? automatic(ctx) : named(ctx, chosen);
    },

    async list(ctx) {
      const connections = await providers.connections(ctx);
      const offered = await Promise.all(
        connections.map(async (connection) =>
          (await catalog.modelsOf(connection)).map((model) => infoOf(connection.name, model)),
        ),
      );
      const found = connections.some(({ name }) => name === LOCAL) ? [] : ((await local?.find()) ?? []);
      const here = found.flatMap(({ models }) => models.map((model) => infoOf(LOCAL, model)));
      const all = [...offered.flat(), ...here, { id: rehearsal.id, provider: rehearsal.provider, rehearsal: true }];
      return [...new Map(all.map((info) => [info.id, info])).values()];
    },

    getDefault,

    async setDefault(ctx, model) {
      if (model !== null) await named(ctx, model);
      await db.inTx(ctx, async (tx) => {
        await store.setDefaultModel(tx, model);
        const data = { model, by: by(ctx.actor) };
        append(tx, defaultModelChanged, { stream: 'models/default', subject: 'default', data });
      });
      return getDefault(ctx);
    },
  };
}

const infoOf = (provider: string, model: string): ModelInfo => ({
  id: `${provider}/${model}`,
  provider,
  rehearsal: false,
});

function missing(id: string, provider?: string): AppError {
  const shown = id.slice(0, 200);
  return new AppError('model_not_found', {
    message:
      provider === undefined || provider === LOCAL
        ? `There is no model ${shown} here.`
        : `There is no model ${shown} here: no provider named ${provider} is set up.`,
  });
}
