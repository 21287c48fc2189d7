import type { Ctx } from '../../platform/context.ts';
import { AppError } from '../../platform/http/errors.ts';
import type { Module } from '../../platform/module.ts';
import type { Logger } from '../../platform/telemetry/log.ts';
import type { Traces } from '../traces/index.ts';
import type { GenerateRequest, Generation } from './contract.ts';
import { createRunner, TIMEOUTS, type Timeouts } from './generate/run.ts';
import { INSTANT, NATURAL, type Pace } from './rehearsal/pace.ts';
import { rehearsalSource } from './rehearsal/source.ts';

export type {
  ChatMessage,
  Citation,
  FinishReason,
  GenerateRequest,
  GenerateResult,
  Generation,
  Grounding,
  Parameters,
  Purpose,
  Usage,
} from './contract.ts';
export { INSTANT, NATURAL, type Pace };

export type Models = {
  /**
   * Asks a model. Begins at once; see `Generation`. Whatever comes of it is recorded, and the record's id is
   * `generationId` of the result. `ctx.signal` closes the provider's connection.
   */
  stream(ctx: Ctx, request: GenerateRequest): Generation;
};

type Deps = {
  readonly traces: Traces;
  readonly log: Logger;
  readonly timeouts?: Partial<Timeouts>;
  /** How fast the rehearsal speaks. */
  readonly pace?: Pace;
};

/** Models of providers, of this machine, and the rehearsal. */
export function createModels({ traces, log, timeouts, pace = NATURAL }: Deps): Models & Module {
  const rehearsal = rehearsalSource(pace);
  const stream = createRunner({
    traces,
    log: log.child('models'),
    timeouts: { ...TIMEOUTS, ...timeouts },
    resolve: async (_ctx, model) => {
      if (model === undefined || model === rehearsal.id) return rehearsal;
      throw new AppError('model_not_found');
    },
  });
  return { name: 'models', stream };
}
