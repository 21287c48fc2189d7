import type { Clock } from '../../lib/clock.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Secrets } from '../../platform/config/secrets.ts';
import type { Ctx } from '../../platform/context.ts';
import type { Db } from '../../platform/db/queries.ts';
import type { Module } from '../../platform/module.ts';
import type { Outbound } from '../../platform/net/outbound.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import type { Tracer } from '../../platform/telemetry/trace.ts';
import type { Traces } from '../traces/index.ts';
import { createCatalog } from './catalog.ts';
import { createChoice, type ModelInfo } from './choose.ts';
import type { GenerateRequest, Generation } from './contract.ts';
import { defaultModelChanged, providerChanged } from './events.ts';
import { createObserver } from './generate/observe.ts';
import { createRunner, TIMEOUTS, type Timeouts } from './generate/run.ts';
import { createLocalServers, LOCAL_PORTS } from './local.ts';
import { INSTANT, NATURAL, type Pace } from './rehearsal/pace.ts';
import { rehearsalSource } from './rehearsal/source.ts';
import { modelsRoutes } from './routes.ts';
import { operatorConnections } from './rules.ts';
import { providersService } from './service.ts';

export type { ModelInfo } from './choose.ts';
export type {
  ChatMessage,
  GenerateRequest,
  GenerateResult,
  Generation,
  Hint,
  InVain,
  Parameters,
  Usage,
} from './contract.ts';
export { defaultModelChanged, providerChanged } from './events.ts';
export { INSTANT, NATURAL, type Pace };

export type Models = {
  /**
   * Asks a model. Begins at once; see `Generation`. Whatever comes of it is recorded, and the record's id is
   * `generationId` of the result. `ctx.signal` closes the provider's connection.
   */
  stream(ctx: Ctx, request: GenerateRequest): Generation;
  /** The models that a request of this tenant may name, agents not included. */
  list(ctx: Ctx): Promise<ModelInfo[]>;
  /** The id of the model that a request without one is given now. */
  defaultModel(ctx: Ctx): Promise<string>;
};

type Deps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly outbound: Outbound;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracer: Tracer;
  readonly traces: Traces;
  readonly config: Pick<Config, 'profile' | 'providers' | 'port' | 'apiPort' | 'metricsPort'>;
  readonly timeouts?: Partial<Timeouts>;
  /** How fast the rehearsal speaks. Default: as a person reads; at once in the testing profile. */
  readonly pace?: Pace;
  /** Where to look for servers on this machine. Default: the usual ports in development, none elsewhere. */
  readonly localPorts?: readonly number[];
};

/** Models of providers, of this machine, and the rehearsal. */
export function createModels(deps: Deps): Models & Module {
  const { db, clock, secrets, outbound, log, traces, config } = deps;
  const now = () => clock.now().getTime();
  const rehearsal = rehearsalSource(deps.pace ?? (config.profile === 'testing' ? INSTANT : NATURAL));
  const ports = deps.localPorts ?? (config.profile === 'development' ? usualPorts(config) : []);
  const local =
    ports.length === 0
      ? undefined
      : createLocalServers({ catalog: () => createCatalog({ outbound, now }), ports, now });
  const operator = operatorConnections(config.providers);
  const providers = providersService({ db, secrets, outbound, operator, local });
  const catalog = createCatalog({ outbound, now });
  const choice = createChoice({ db, providers, catalog, local, outbound, rehearsal });
  const stream = createRunner({
    traces,
    log: log.child('models'),
    timeouts: { ...TIMEOUTS, ...deps.timeouts },
    observer: createObserver({ metrics: deps.metrics, tracer: deps.tracer }),
    resolve: choice.resolve,
  });
  return {
    name: 'models',
    events: [providerChanged, defaultModelChanged],
    stream,
    list: choice.list,
    defaultModel: async (ctx) => (await choice.getDefault(ctx)).effective,
    routes: (router) => modelsRoutes(router, { providers, choice }),
  };
}

/** Our own doors answer to the same protocol, and must not be taken for somebody else's. */
function usualPorts({ port, apiPort, metricsPort }: Pick<Config, 'port' | 'apiPort' | 'metricsPort'>): number[] {
  return LOCAL_PORTS.filter((candidate) => ![port, apiPort, metricsPort].includes(candidate));
}

/** The model servers on this machine that answer now, without a running server of ours: for `parley doctor`. */
export async function findLocalServers(
  outbound: Outbound,
  config: Pick<Config, 'port' | 'apiPort' | 'metricsPort'>,
): Promise<{ url: string; models: readonly string[] }[]> {
  const now = Date.now;
  const catalog = () => createCatalog({ outbound, now });
  const servers = await createLocalServers({ catalog, ports: usualPorts(config), now }).find();
  return servers.map(({ connection, models }) => ({ url: connection.baseUrl ?? '', models }));
}
