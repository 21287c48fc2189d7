import { type Static, Type } from 'typebox';
import { CURRENCIES } from '../../lib/currencies.ts';
import { pageQuery } from '../../platform/http/paging.ts';

/** In minor units. A line of an order is at most a thousand times that, and still exact as a number. */
export const MAX_AMOUNT = 1_000_000_000_000;
export const MAX_STOCK = 1_000_000_000;

export const Currency = Type.Enum([...CURRENCIES], { title: 'Currency', description: 'ISO 4217.' });
export const Money = Type.Object(
  {
    amount: Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: "In the currency's minor units: 1999 EUR are 19.99 euros, 1999 JPY are 1,999 yen.",
    }),
    currency: Currency,
  },
  { title: 'Money', additionalProperties: false },
);
const Price = Type.Object(
  {
    amount: Type.Integer({ minimum: 0, maximum: MAX_AMOUNT, description: 'In minor units of the currency.' }),
    currency: Currency,
  },
  { title: 'ProductPrice', additionalProperties: false },
);
const Sku = Type.Union(
  [
    Type.String({
      pattern: '^[!-~]{1,64}$',
      description: '1 to 64 visible ASCII characters without spaces; unique within the tenant.',
    }),
    Type.Null(),
  ],
  { description: 'Your own number for it.' },
);
const Attributes = Type.Record(
  Type.String({ pattern: '^[^\\u0000-\\u001f\\u007f]{1,64}$' }),
  Type.Union([Type.String({ maxLength: 512 }), Type.Number(), Type.Boolean()]),
  {
    additionalProperties: false,
    maxProperties: 50,
    description: 'Facts of your own: at most 50, each a short string, a number or a boolean.',
  },
);
const Stock = Type.Integer({ minimum: 0, maximum: MAX_STOCK, description: 'Pieces that can be ordered.' });

const described = {
  sku: Sku,
  name: Type.String({ minLength: 1, maxLength: 200, pattern: '\\S' }),
  description: Type.String({ maxLength: 4_000 }),
  price: Price,
  image_url: Type.Union([
    Type.String({ format: 'uri', pattern: '^https://', maxLength: 2_048, description: 'An https address.' }),
    Type.Null(),
  ]),
  attributes: Attributes,
};

export const CreateProduct = Type.Object(
  {
    name: described.name,
    price: described.price,
    sku: Type.Optional(described.sku),
    description: Type.Optional(described.description),
    stock: Type.Optional(Stock),
    image_url: Type.Optional(described.image_url),
    attributes: Type.Optional(described.attributes),
  },
  { title: 'CreateProduct', additionalProperties: false },
);
export const ChangeProduct = Type.Object(
  {
    ...Type.Partial(CreateProduct).properties,
    stock_change: Type.Optional(
      Type.Integer({
        minimum: -MAX_STOCK,
        maximum: MAX_STOCK,
        description: 'Adds to the stock, or takes from it; instead of `stock`, which sets it.',
      }),
    ),
    archived: Type.Optional(Type.Boolean({ description: 'An archived product cannot be ordered.' })),
  },
  { title: 'ChangeProduct', additionalProperties: false, minProperties: 1 },
);

export const Product = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    ...described,
    stock: Stock,
    reserved: Type.Integer({ minimum: 0, description: 'Pieces that are held for orders; not a part of `stock`.' }),
    version: Type.Integer({ description: 'Grows with every change that somebody makes; for `If-Match`.' }),
    revision: Type.Integer({ description: 'Grows with every change, of the stock by orders too.' }),
    created_at: Type.String({ format: 'date-time' }),
    updated_at: Type.String({ format: 'date-time', description: 'When somebody last changed it.' }),
    archived_at: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
  },
  { title: 'Product' },
);
export const ProductParams = Type.Object({ product_id: Type.String({ format: 'uuid' }) });

export const SORTS = ['-created_at', 'created_at', 'name', '-name', 'price', '-price', 'stock', '-stock'] as const;
const Amount = Type.Integer({ minimum: 0, maximum: MAX_AMOUNT });
export const ListProducts = Type.Object({
  ...pageQuery.properties,
  query: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: 'A text in the name, the SKU or the description.' }),
  ),
  currency: Type.Optional(Currency),
  min_price: Type.Optional(Amount),
  max_price: Type.Optional(Amount),
  in_stock: Type.Optional(
    Type.Boolean({ description: '`true`: only what can be ordered; `false`: only what is sold out.' }),
  ),
  archived: Type.Boolean({ default: false, description: '`true`: the archived ones instead.' }),
  sort: Type.Enum([...SORTS], { default: '-created_at', description: 'With `-`: downwards. `price` in minor units.' }),
});

export type Money = Static<typeof Money>;
export type CreateProduct = Static<typeof CreateProduct>;
export type ChangeProduct = Static<typeof ChangeProduct>;
export type Product = Static<typeof Product>;
export type ListProducts = Static<typeof ListProducts>;
