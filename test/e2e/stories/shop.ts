import { PaymentStandIn } from '../../support/payments.ts';
import { createReceiver, type Receiver } from '../../support/receiver.ts';
import { openStage, type Stage } from './stage.ts';

/** The stage, and who stands outside: a payment service, and a receiver of webhooks. */
export type Shop = Stage & { readonly payments: PaymentStandIn; readonly receiver: Receiver };

export async function openShop(): Promise<Shop> {
  const payments = await PaymentStandIn.start();
  const receiver = await createReceiver();
  const stage = await openStage({ ...payments.env, OUTBOUND_ALLOW: '127.0.0.1' });
  await stage.page.route('https://pictures.example/**', (route) =>
    route.fulfill({ contentType: 'image/svg+xml', body: PICTURE }),
  );
  return {
    ...{ ...stage, payments, receiver },
    async close() {
      await stage.close();
      await payments[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
    },
  };
}

/** A tin of tea, as somebody's server has it. */
const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 30"><rect width="40" height="30" fill="#e9dcc3"/>
<rect x="13" y="7" width="14" height="18" rx="2" fill="#3f6b4f"/><rect x="13" y="5" width="14" height="4" rx="1" fill="#2c4a38"/>
<circle cx="20" cy="16" r="4" fill="#e9dcc3"/></svg>`;
