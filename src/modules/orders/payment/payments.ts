import type { Clock } from '../../../lib/clock.ts';
import type { Config } from '../../../platform/config/config.ts';
import type { Service } from '../../../platform/lifecycle.ts';
import type { Outbound } from '../../../platform/net/outbound.ts';
import type { Reliability } from '../../../platform/reliability/reliability.ts';
import type { Logger } from '../../../platform/telemetry/log.ts';
import { createPaymentClient } from './client.ts';
import type { PaymentService } from './contract.ts';
import { createRehearsal } from './rehearsal.ts';

/** Whoever takes the money of this installation; `service` is undefined where nobody does. */
export type Payments = { readonly service: PaymentService | undefined; readonly lifecycle: Service };

type Deps = {
  readonly config: Pick<Config, 'profile' | 'payment'>;
  readonly outbound: Pick<Outbound, 'fetch'>;
  readonly reliability: Reliability;
  readonly clock: Clock;
  readonly log: Logger;
};

/**
 * The service of PAYMENT_URL. Without one, payments are rehearsed on this machine, except in production, where nothing may
 * look as if it had been paid.
 */
export function createPayments({ config, outbound, reliability, clock, log }: Deps): Payments {
  const { payment, profile } = config;
  const lifecycle = (stop: () => Promise<void>): Service => ({ name: 'payments', start: async () => {}, stop });
  if (payment !== undefined) {
    const address = async () => payment;
    const service = createPaymentClient({ name: 'service', address, outbound, reliability });
    return { service, lifecycle: lifecycle(async () => {}) };
  }
  if (profile === 'production') return { service: undefined, lifecycle: lifecycle(async () => {}) };
  const rehearsal = createRehearsal(clock);
  let said = false;
  const address = () => {
    if (!said) log.info('payments are rehearsed, and no money moves: PAYMENT_URL is not set');
    said = true;
    return rehearsal.address();
  };
  const service = createPaymentClient({ name: 'rehearsal', address, outbound, reliability });
  return { service, lifecycle: lifecycle(rehearsal.stop) };
}
