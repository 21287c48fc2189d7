import type { Ctx } from '../../../platform/context.ts';
import type { Verdict } from '../rules.ts';

/** What is asked for. Under the same key it is the same request, however often it is made. */
export type Charge = {
  readonly key: string;
  readonly orderId: string;
  readonly amount: number;
  readonly currency: string;
  readonly description: string;
  readonly customer: { readonly name: string; readonly email: string; readonly reference?: string } | null;
};

export type Refund = {
  readonly key: string;
  /** The service's id of the payment. */
  readonly reference: string;
  readonly amount: number;
  readonly currency: string;
};

/** What the service says. `reference` is null where it has nothing under that key. */
export type Answer = { readonly reference: string | null; readonly verdict: Verdict; readonly reason: string | null };

/**
 * A service that moves money. Every method may be repeated. They reject where the outcome is not known (`AppError` of the
 * class `upstream`), or with `PermanentError` where the service will never take the request.
 */
export interface PaymentService {
  /** As orders show it. */
  readonly name: 'service' | 'rehearsal';
  charge(ctx: Ctx, charge: Charge): Promise<Answer>;
  /** What became of a payment that the service worked on. */
  look(ctx: Ctx, reference: string): Promise<Answer>;
  /** From now on nothing is charged under this key; says whether it was. */
  void(ctx: Ctx, charge: Pick<Charge, 'key' | 'orderId'>): Promise<Answer>;
  refund(ctx: Ctx, refund: Refund): Promise<Answer>;
}
