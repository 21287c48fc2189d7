import type { OrderFacts, OrderQuery, OrderStatus } from '@parley/sdk';
import type { ReactNode } from 'react';
import { EVENT_TYPES } from '../../lib/event-types.ts';
import { type Filters, queryOf, useFilters } from '../../lib/filters.ts';
import { useEvery, useHappenings } from '../../lib/live.ts';
import { useLog } from '../../lib/log.ts';
import { money } from '../../lib/money.ts';
import { useResource } from '../../lib/resource.tsx';
import { Link } from '../../lib/router.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Button, LinkButton, TextField } from '../../ui/controls.tsx';
import { Older } from '../../ui/facts.tsx';
import { Page, When } from '../../ui/page.tsx';
import { SearchBox, Tabs } from '../../ui/search.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { Held } from './held.tsx';
import { isStatus, LOOKS, linesInWords, STATUSES } from './words.ts';

const LIMIT = 30;
const REFRESH_MS = 30_000;
const NAMES = ['status', 'customer', 'product_id', 'from', 'to'] as const;
type Name = (typeof NAMES)[number];
type Tab = '' | OrderStatus;
const TABS: readonly { value: Tab; label: string }[] = [{ value: '', label: 'All' }, ...STATUSES];

/** Every order, the newest first, as it stands now. */
export function OrdersPage(): ReactNode {
  const client = useClient();
  const can = useCan();
  const filters = useFilters<Name>(NAMES);
  const asked = askedOf(filters.settled);
  const log = useLog<OrderFacts>(`orders:${queryOf(filters.settled)}`, (cursor, signal) =>
    client.orders.list({ limit: LIMIT, ...asked, ...(cursor && { cursor }) }, { signal }),
  );
  useHappenings({ types: EVENT_TYPES.orders }, log.reload);
  useEvery(REFRESH_MS, log.reload);
  const begin = can('orders:write') && (
    <LinkButton to="/orders/new" look="primary" icon="plus">
      New order
    </LinkButton>
  );
  return (
    <Page title="Orders" lead="What was ordered, what was paid, and what has left the house." actions={begin}>
      <FilterFields filters={filters} />
      <Loaded resource={log}>
        {({ items }) =>
          items.length === 0 ? (
            filters.any ? (
              <Empty title="No such orders" action={<Button onClick={filters.clear}>Show all orders</Button>} />
            ) : (
              <Empty title="Nobody has ordered yet" action={begin}>
                An order holds its pieces at once, and asks for its payment behind it. You can watch each step.
              </Empty>
            )
          ) : (
            <>
              <ul className="rows">
                {items.map((order) => (
                  <Row key={order.id} order={order} />
                ))}
              </ul>
              <Older more={log.more} busy={log.loading} words="Show older" />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

/** The filters as the server takes them; a day is a whole day of whoever looks. */
function askedOf(said: Readonly<Record<Name, string>>): OrderQuery {
  const { status, customer, product_id, from, to } = said;
  const day = (text: string, days: number): string | undefined => {
    const at = new Date(`${text}T00:00`);
    if (text === '' || Number.isNaN(at.getTime())) return undefined;
    at.setDate(at.getDate() + days);
    return at.toISOString();
  };
  const [first, last] = [day(from, 0), day(to, 1)];
  return {
    ...(isStatus(status) && { status }),
    ...(customer.trim() && { customer: customer.trim() }),
    ...(/^[0-9a-f-]{36}$/i.test(product_id) && { product_id }),
    ...(first && { from: first }),
    ...(last && { to: last }),
  };
}

function FilterFields({ filters }: { filters: Filters<Name> }): ReactNode {
  const { values, set, clear, any } = filters;
  const status: Tab = isStatus(values.status) ? values.status : '';
  return (
    <search className="filters">
      <div className="toolbar">
        <Tabs<Tab> label="Which orders" value={status} tabs={TABS} onChange={(next) => set({ status: next })} />
        <SearchBox
          label="Email or number of a customer, whole"
          value={values.customer}
          onChange={(customer) => set({ customer })}
        />
        {any && (
          <Button look="quiet" icon="close" onClick={clear}>
            Clear
          </Button>
        )}
      </div>
      {values.product_id !== '' && <OfProduct id={values.product_id} onClear={() => set({ product_id: '' })} />}
      <details className="more" open={values.from + values.to !== '' || undefined}>
        <summary>Days</summary>
        <div className="filter-fields">
          <TextField
            label="From"
            type="date"
            value={values.from}
            onChange={(event) => set({ from: event.target.value })}
          />
          <TextField
            label="Until, with that day"
            type="date"
            value={values.to}
            onChange={(event) => set({ to: event.target.value })}
          />
        </div>
      </details>
    </search>
  );
}

/** That only orders of one product are shown, and how to show all. */
function OfProduct({ id, onClear }: { id: string; onClear(): void }): ReactNode {
  const client = useClient();
  const { data } = useResource(`product:${id}`, (signal) => client.products.get(id, { signal }));
  return (
    <p className="filter-said">
      Only with <Link to={`/products/${id}`}>{data?.name ?? 'this product'}</Link>
      <Button look="quiet" icon="close" onClick={onClear}>
        With any
      </Button>
    </p>
  );
}

function Row({ order }: { order: OrderFacts }): ReactNode {
  const { status, payment, customer } = order;
  const label = STATUSES.find(({ value }) => value === status)?.label.toLowerCase() ?? status;
  return (
    <li>
      <Link to={`/orders/${order.id}`} className="row">
        <span className="row-main row-tight">
          <strong className="row-title">{linesInWords(order.lines)}</strong>
          <span className="faint">
            {order.number}
            {customer && ` · ${customer.name}`}
          </span>
        </span>
        <span className="row-side">
          <span className="row-status">
            {status === 'pending' && payment.status === 'failed' && <span className="tag tag-bad">refused</span>}
            {status === 'pending' && order.expires_at && <Held until={order.expires_at} short />}
            <span className={`pill pill-${LOOKS[status]}`}>{label}</span>
          </span>
          <span className="order-sum">
            <strong className="amount">{money(order.total)}</strong>
            <span className="faint">
              <When time={order.created_at} />
            </span>
          </span>
        </span>
      </Link>
    </li>
  );
}
