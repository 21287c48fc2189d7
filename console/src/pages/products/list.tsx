import type { Product, ProductQuery } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { EVENT_TYPES } from '../../lib/event-types.ts';
import { type Filters, queryOf, useFilters } from '../../lib/filters.ts';
import { count } from '../../lib/format.ts';
import { useHappenings } from '../../lib/live.ts';
import { amountOf, CURRENCIES, isCurrency, money } from '../../lib/money.ts';
import { useResource } from '../../lib/resource.tsx';
import { Link } from '../../lib/router.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Button, LinkButton, TextField } from '../../ui/controls.tsx';
import { Page, Pager } from '../../ui/page.tsx';
import { Pick } from '../../ui/pick.tsx';
import { SearchBox, Tabs } from '../../ui/search.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { Picture } from './picture.tsx';

const NAMES = ['query', 'show', 'currency', 'min', 'max', 'sort', 'page'] as const;
type Name = (typeof NAMES)[number];
type Show = '' | 'in' | 'out' | 'archived';

const SHOWS: readonly { value: Show; label: string }[] = [
  { value: '', label: 'All' },
  { value: 'in', label: 'In stock' },
  { value: 'out', label: 'Sold out' },
  { value: 'archived', label: 'Archived' },
];
const SORTS: readonly { value: string; label: string }[] = [
  { value: '', label: 'newest first' },
  { value: 'created_at', label: 'oldest first' },
  { value: 'name', label: 'by name' },
  { value: 'price', label: 'cheapest first' },
  { value: '-price', label: 'dearest first' },
  { value: 'stock', label: 'fewest first' },
  { value: '-stock', label: 'most first' },
];
/** What changes a product's line: somebody's change, and what orders take and give back. */
const CHANGES = [...EVENT_TYPES.catalog, ...EVENT_TYPES.orders];

/** What is sold: searched, filtered, sorted, and up to date while one looks. */
export function ProductsPage(): ReactNode {
  const client = useClient();
  const can = useCan();
  const filters = useFilters<Name>(NAMES);
  const { query, problem } = askedOf(filters.settled);
  const resource = useResource(`products:${queryOf(filters.settled)}`, (signal) =>
    client.products.list(query, { signal }),
  );
  useHappenings({ types: CHANGES }, resource.reload);
  const add = can('products:write') && (
    <LinkButton to="/products/new" look="primary" icon="plus">
      New product
    </LinkButton>
  );
  return (
    <Page title="Products" lead="What you sell: prices, stock, and what is held for orders." actions={add}>
      <Toolbar filters={filters} problem={problem} />
      <Loaded resource={resource}>
        {(data) =>
          data.items.length === 0 ? (
            filters.any ? (
              <Empty
                title={filters.settled.query ? `Nothing is called “${filters.settled.query}” here` : 'Nothing fits'}
                action={<Button onClick={filters.clear}>Show all products</Button>}
              />
            ) : (
              <Empty title="The shelves are empty" action={add}>
                A product has a name, a price and a stock. Orders take from the stock; nobody can sell what is not
                there.
              </Empty>
            )
          ) : (
            <>
              <ul className="rows">
                {data.items.map((product) => (
                  <Row key={product.id} product={product} />
                ))}
              </ul>
              <Pager page={data} onPage={(page) => filters.set({ page: page === 1 ? '' : String(page) })} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

/** The filters as the server takes them; a price is compared in a currency's minor units, so it needs a currency. */
function askedOf(said: Readonly<Record<Name, string>>): { query: ProductQuery; problem: string | undefined } {
  const { query, show, currency, min, max, sort, page } = said;
  const asked: ProductQuery = {
    ...(query.trim() && { query: query.trim() }),
    ...(show === 'in' && { in_stock: true }),
    ...(show === 'out' && { in_stock: false }),
    ...(show === 'archived' && { archived: true }),
    ...(SORTS.some(({ value }) => value === sort) && sort && { sort: sort as NonNullable<ProductQuery['sort']> }),
    ...(Number(page) > 1 && { page: Number(page) }),
  };
  if (!isCurrency(currency)) return { query: asked, problem: undefined };
  asked.currency = currency;
  const [low, high] = [min, max].map((typed) => (typed.trim() === '' ? undefined : amountOf(typed, currency)));
  if (low && 'amount' in low) asked.min_price = low.amount;
  if (high && 'amount' in high) asked.max_price = high.amount;
  const wrong = [low, high].find((price) => price && 'problem' in price);
  return { query: asked, problem: wrong && 'problem' in wrong ? wrong.problem : undefined };
}

function Toolbar({ filters, problem }: { filters: Filters<Name>; problem: string | undefined }): ReactNode {
  const { values, settled } = filters;
  const set = (change: Partial<Record<Name, string>>): void => filters.set({ page: '', ...change });
  const [open, setOpen] = useState(settled.currency !== '');
  const show = SHOWS.some(({ value }) => value === values.show) ? (values.show as Show) : '';
  return (
    <search className="filters">
      <div className="toolbar">
        <Tabs<Show> label="Which products" value={show} tabs={SHOWS} onChange={(next) => set({ show: next })} />
        <SearchBox label="Search products" value={values.query} onChange={(query) => set({ query })} />
        <Pick label="Sorted" value={values.sort} options={SORTS} onChange={(sort) => set({ sort })} />
        <Button look="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
          Price…
        </Button>
      </div>
      {open && (
        <div className="filter-fields">
          <Pick
            label="Currency"
            shown
            value={values.currency}
            options={[{ value: '', label: 'any' }, ...CURRENCIES.map((code) => ({ value: code, label: code }))]}
            onChange={(currency) => set(currency === '' ? { currency, min: '', max: '' } : { currency })}
          />
          <TextField
            label="From"
            inputMode="decimal"
            disabled={values.currency === ''}
            value={values.min}
            onChange={(event) => set({ min: event.target.value })}
          />
          <TextField
            label="To"
            inputMode="decimal"
            disabled={values.currency === ''}
            value={values.max}
            onChange={(event) => set({ max: event.target.value })}
          />
          <p className={problem ? 'problem' : 'hint'} role="status">
            {problem ?? (values.currency === '' ? 'Prices are compared within one currency.' : '')}
          </p>
        </div>
      )}
    </search>
  );
}

function Row({ product }: { product: Product }): ReactNode {
  const { stock, reserved, sku } = product;
  return (
    <li>
      <Link to={`/products/${product.id}`} className="row">
        <Picture url={product.image_url} size="small" />
        <span className="row-main row-tight">
          <strong className="row-title">{product.name}</strong>
          <span className="faint">{[sku, product.description].filter(Boolean).join(' · ').slice(0, 140)}</span>
        </span>
        <span className="row-side">
          <strong className="amount">{money(product.price)}</strong>
          <span className={stock === 0 ? 'stock stock-none' : 'stock'}>
            {product.archived_at !== null ? 'archived' : stock === 0 ? 'sold out' : `${count(stock)} in stock`}
            {reserved > 0 && <span className="faint"> · {count(reserved)} held</span>}
          </span>
        </span>
      </Link>
    </li>
  );
}
