import type { Product } from '@parley/sdk';
import type { ReactNode } from 'react';
import { useForm } from '../../lib/form.ts';
import { count } from '../../lib/format.ts';
import { Link } from '../../lib/router.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Button, Select, TextField } from '../../ui/controls.tsx';
import { When } from '../../ui/page.tsx';
import { ErrorNote } from '../../ui/states.tsx';
import { changeOf, changeProblem, stockProblem } from './form.ts';

type Draft = { how: 'add' | 'set'; pieces: string };

/** How many there are, how many are held, and the one form that changes it: by a difference, or after a count. */
export function Stock({ product, onChange }: { product: Product; onChange(product: Product): void }): ReactNode {
  const client = useClient();
  const can = useCan();
  const { stock, reserved } = product;
  const form = useForm<Draft>({
    initial: { how: 'add', pieces: '' },
    validate: ({ how, pieces }) => ({
      pieces: how === 'add' ? changeProblem(pieces, stock) : stockProblem(pieces),
    }),
    placeOf: () => 'pieces',
    submit: async ({ how, pieces }) => {
      // With the version: a difference that is sent twice by accident is added once.
      const change = how === 'add' ? { stock_change: changeOf(pieces) } : { stock: Number(pieces) };
      onChange(await client.products.update(product.id, change, { version: product.version }));
      form.replace({ how, pieces: '' });
    },
  });
  const { how, pieces } = form.values;
  const after = how === 'add' && changeProblem(pieces, stock) === undefined ? stock + changeOf(pieces) : undefined;
  return (
    <section className="system-card" aria-labelledby="stock-title">
      <h2 id="stock-title">Stock</h2>
      <dl className="tally" aria-live="polite">
        <div>
          <dt>can be ordered</dt>
          <dd>{count(stock)}</dd>
        </div>
        <div>
          <dt>held for orders</dt>
          <dd>{count(reserved)}</dd>
        </div>
      </dl>
      {can('products:write') && product.archived_at === null && (
        <form className="stack" onSubmit={(event) => void form.submit(event)} noValidate>
          <div className="stock-fields">
            <Select
              label="Change"
              value={how}
              onChange={(event) => form.replace({ how: event.target.value as Draft['how'], pieces })}
            >
              <option value="add">add or take</option>
              <option value="set">set to</option>
            </Select>
            <TextField
              label="Pieces"
              inputMode={how === 'add' ? 'text' : 'numeric'}
              autoComplete="off"
              placeholder={how === 'add' ? '+10' : String(stock)}
              value={pieces}
              problem={form.problem('pieces')}
              hint={after === undefined ? undefined : `Then ${count(after)}.`}
              onChange={(event) => form.set('pieces', event.target.value)}
            />
          </div>
          {form.error !== undefined && <ErrorNote error={form.error} />}
          <Button type="submit" busy={form.busy}>
            Change the stock
          </Button>
        </form>
      )}
    </section>
  );
}

/** When it was made and changed, and where to read on about it. */
export function Facts({ product }: { product: Product }): ReactNode {
  const can = useCan();
  return (
    <section className="aside-facts" aria-label="About this product">
      <dl className="facts-list">
        <div>
          <dt>Made</dt>
          <dd>
            <When time={product.created_at} />
          </dd>
        </div>
        <div>
          <dt>Changed</dt>
          <dd>
            <When time={product.updated_at} />
          </dd>
        </div>
        <div>
          <dt>Version</dt>
          <dd>{product.version}</dd>
        </div>
      </dl>
      <p className="event-links">
        {can('orders:read') && <Link to={`/orders?product_id=${product.id}`}>Orders with it</Link>}
        {can('orders:write') && product.archived_at === null && product.stock > 0 && (
          <Link to={`/orders/new?product=${product.id}`}>Order it</Link>
        )}
        {can('events:read') && <Link to={`/events?about=products/${product.id}`}>Its events</Link>}
      </p>
    </section>
  );
}
