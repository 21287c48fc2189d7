import type { Order, Product } from '@parley/sdk';
import { type ReactNode, useEffect, useRef } from 'react';
import { type Form, useForm } from '../../lib/form.ts';
import { money } from '../../lib/money.ts';
import { useResource } from '../../lib/resource.tsx';
import { useRouter } from '../../lib/router.tsx';
import { useClient } from '../../lib/session.tsx';
import { Button, IconButton, TextField } from '../../ui/controls.tsx';
import { Page } from '../../ui/page.tsx';
import { ErrorNote } from '../../ui/states.tsx';
import { Picture } from '../products/picture.tsx';
import { Chooser } from './chooser.tsx';
import { type Draft, EMPTY, inputOf, placeOf, problems, shortOf, sumOf, totalOf, withProduct } from './form.ts';

/** What is ordered, and by whom. `?product=ID` lies in the basket already. */
export function NewOrderPage(): ReactNode {
  const client = useClient();
  const { go, location } = useRouter();
  const key = useOneKey();
  const form = useForm<Draft>({
    initial: EMPTY,
    validate: problems,
    placeOf,
    submit: async (draft) => {
      const input = inputOf(draft);
      const order: Order = await client.orders.create(input, { idempotencyKey: key(JSON.stringify(input)) });
      go(`/orders/${order.id}`, { replace: true });
    },
  });
  usePreset(form, location.query.get('product'));
  const add = (product: Product): void => form.set('lines', withProduct(form.values.lines, product));
  const sum = sumOf(form.values.lines);
  return (
    <Page title="New order" back={{ to: '/orders', label: 'Orders' }}>
      <form className="order-columns" onSubmit={(event) => void form.submit(event)} noValidate>
        <div className="stack stack-wide">
          <Chooser lines={form.values.lines} onAdd={add} />
          <Customer form={form} />
        </div>
        <div className="basket">
          <h2>The order</h2>
          <Basket form={form} />
          {sum && (
            <p className="basket-sum" aria-live="polite">
              <span>Together</span> <strong className="amount">{sum}</strong>
            </p>
          )}
          {form.error !== undefined && <ErrorNote error={form.error} />}
          {form.rest(isShown).map((problem) => (
            <p key={problem} className="problem">
              {problem}
            </p>
          ))}
          <Button type="submit" look="primary" busy={form.busy}>
            Place the order
          </Button>
          <p className="hint" role="status">
            {form.tried && !form.valid
              ? 'Something is not right yet.'
              : 'The pieces are held at once; the payment is asked for behind it.'}
          </p>
        </div>
      </form>
    </Page>
  );
}

const isShown = (place: string): boolean => /^(?:name|email|reference|lines\.\d+)$/.test(place);

/** The same order, sent again after an answer was lost, is the same order; another one is another. */
function useOneKey(): (input: string) => string {
  const kept = useRef({ input: '', key: '' });
  return (input) => {
    if (kept.current.input !== input) kept.current = { input, key: randomKey() };
    return kept.current.key;
  };
}

const randomKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** Coming from a product, it is in the basket already. */
function usePreset(form: Form<Draft>, id: string | null): void {
  const client = useClient();
  const { data } = useResource(`preset-product:${id ?? ''}`, async (signal) =>
    id ? client.products.get(id, { signal }) : undefined,
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when it has been read
  useEffect(() => {
    if (data && form.values.lines.length === 0) form.set('lines', withProduct([], data));
  }, [data?.id]);
}

function Basket({ form }: { form: Form<Draft> }): ReactNode {
  const { lines } = form.values;
  const short = shortOf(form.error);
  if (lines.length === 0)
    return <p className={form.tried ? 'problem' : 'faint'}>Nothing yet. Choose from what there is.</p>;
  const set = (next: Draft['lines']): void => form.set('lines', next);
  return (
    <ul className="basket-lines">
      {lines.map(({ product, quantity }, i) => {
        const total = totalOf({ product, quantity });
        const available = short.get(product.id);
        const problem = available === undefined ? form.live(`lines.${i}`) : `There are only ${available} left.`;
        return (
          <li key={product.id}>
            <Picture url={product.image_url} size="small" />
            <div className="basket-what">
              <strong className="basket-name">{product.name}</strong>
              <span className="faint">{money(product.price)} each</span>
            </div>
            <input
              aria-label={`How many ${product.name}`}
              aria-invalid={problem ? true : undefined}
              inputMode="numeric"
              maxLength={4}
              value={quantity}
              onChange={(event) =>
                set(lines.map((line, at) => (at === i ? { ...line, quantity: event.target.value } : line)))
              }
            />
            <span className="basket-total amount">
              {total === undefined ? '' : money({ amount: total, currency: product.price.currency })}
            </span>
            <IconButton
              icon="close"
              label={`Take out ${product.name}`}
              onClick={() => set(lines.filter((_, at) => at !== i))}
            />
            {problem && (
              <p className="problem" role="alert">
                {problem}
              </p>
            )}
          </li>
        );
      })}
    </ul>
  );
}

function Customer({ form }: { form: Form<Draft> }): ReactNode {
  const field = (name: 'name' | 'email' | 'reference') => ({
    value: form.values[name],
    problem: form.problem(name),
    autoComplete: 'off',
    onChange: (event: { target: { value: string } }) => form.set(name, event.target.value),
    onBlur: () => form.touch(name),
  });
  return (
    <fieldset className="bare stack">
      <legend className="section-head">
        Customer <span className="optional">optional</span>
      </legend>
      <div className="grid-2">
        <TextField label="Name" maxLength={200} {...field('name')} />
        <TextField label="Email" type="email" inputMode="email" maxLength={254} {...field('email')} />
        <TextField label="Their number" optional maxLength={200} {...field('reference')} />
      </div>
    </fieldset>
  );
}
