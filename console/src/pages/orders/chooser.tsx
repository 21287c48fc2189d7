import type { Product } from '@parley/sdk';
import { type ReactNode, useDeferredValue, useState } from 'react';
import { count } from '../../lib/format.ts';
import { money } from '../../lib/money.ts';
import { useResource } from '../../lib/resource.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Button, LinkButton } from '../../ui/controls.tsx';
import { Pager } from '../../ui/page.tsx';
import { SearchBox } from '../../ui/search.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { Picture } from '../products/picture.tsx';
import { currencyOf, type Line } from './form.ts';

const PAGE = 12;

/** What can be ordered, in the currency of what lies in the basket already. */
export function Chooser({ lines, onAdd }: { lines: readonly Line[]; onAdd(product: Product): void }): ReactNode {
  const client = useClient();
  const can = useCan();
  const [typed, setTyped] = useState('');
  const [page, setPage] = useState(1);
  const query = useDeferredValue(typed.trim());
  const currency = currencyOf(lines);
  const resource = useResource(`chooser:${query}:${currency ?? ''}:${page}`, (signal) => {
    const asked = { ...(query && { query }), ...(currency && { currency }) };
    return client.products.list({ in_stock: true, sort: 'name', page, page_size: PAGE, ...asked }, { signal });
  });
  return (
    <section aria-labelledby="chooser-title" className="stack">
      <h2 id="chooser-title" className="section-head">
        What there is
      </h2>
      <SearchBox
        label="Search products"
        value={typed}
        onChange={(text) => {
          setTyped(text);
          setPage(1);
        }}
      />
      <Loaded resource={resource}>
        {(data) =>
          data.items.length === 0 ? (
            <Empty
              title={query ? `Nothing in stock is called “${query}”` : 'There is nothing in stock'}
              action={can('products:write') && <LinkButton to="/products/new">Make a product</LinkButton>}
            />
          ) : (
            <>
              <ul className="lines offers">
                {data.items.map((product) => (
                  <Offer
                    key={product.id}
                    product={product}
                    chosen={lines.some((line) => line.product.id === product.id)}
                    onAdd={() => onAdd(product)}
                  />
                ))}
              </ul>
              <Pager page={data} onPage={setPage} />
            </>
          )
        }
      </Loaded>
    </section>
  );
}

function Offer({ product, chosen, onAdd }: { product: Product; chosen: boolean; onAdd(): void }): ReactNode {
  return (
    <li>
      <Picture url={product.image_url} size="small" />
      <div className="line-main">
        <strong>{product.name}</strong>
        <span className="faint">
          {money(product.price)} · {count(product.stock)} in stock
        </span>
      </div>
      <Button icon="plus" aria-label={`${chosen ? 'One more' : 'Add'} ${product.name}`} onClick={onAdd}>
        {chosen ? 'One more' : 'Add'}
      </Button>
    </li>
  );
}
