import { Type } from 'typebox';
import { defineEvent } from '../../platform/events/define.ts';

/** What somebody did to a product. What orders take from the stock is told by the orders' own events. */
export const productChanged = defineEvent({
  type: 'product_changed',
  version: 1,
  topic: 'catalog',
  description:
    'A product was made, changed, archived or restored, or somebody set its stock. What orders reserve and give back is ' +
    "in the orders' events, with the product's revision.",
  schema: Type.Object({
    product_id: Type.String({ format: 'uuid' }),
    sku: Type.Union([Type.String(), Type.Null()]),
    name: Type.String(),
    change: Type.Union([
      Type.Literal('created'),
      Type.Literal('updated'),
      Type.Literal('archived'),
      Type.Literal('restored'),
    ]),
    amount: Type.Integer({ minimum: 0 }),
    currency: Type.String(),
    stock: Type.Integer({ minimum: 0 }),
    version: Type.Integer({ minimum: 1 }),
    revision: Type.Integer({ minimum: 1 }),
  }),
  example: {
    product_id: '0192d3a0-6c1e-7b6a-9d52-3f5b5f3a0b11',
    sku: 'TEA-250',
    name: 'Darjeeling, 250 g',
    change: 'updated' as const,
    amount: 1490,
    currency: 'EUR',
    stock: 40,
    version: 2,
    revision: 17,
  },
});
