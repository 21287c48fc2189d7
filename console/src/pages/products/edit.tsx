import type { Product } from '@parley/sdk';
import { type ReactNode, useState } from 'react';
import { useBase } from '../../lib/base.ts';
import { type Form, useForm } from '../../lib/form.ts';
import { useHappenings } from '../../lib/live.ts';
import { type Currency, isCurrency } from '../../lib/money.ts';
import { useResource } from '../../lib/resource.tsx';
import { useRouter } from '../../lib/router.tsx';
import { useCan, useClient } from '../../lib/session.tsx';
import { Button } from '../../ui/controls.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Page } from '../../ui/page.tsx';
import { ErrorNote, Note, Skeleton } from '../../ui/states.tsx';
import { Theirs } from '../../ui/theirs.tsx';
import { Fields } from './fields.tsx';
import { changesOf, type Draft, draftOf, emptyDraft, inputOf, placeOf, problems } from './form.ts';
import { Picture } from './picture.tsx';
import { Facts, Stock } from './stock.tsx';

const BACK = { to: '/products', label: 'Products' };
const CURRENCY_KEY = 'parley.currency';

/** One product: what it is at the left, how many there are at the right. Without an id, a new one. */
export function ProductPage({ id }: { id?: string }): ReactNode {
  return id === undefined ? <NewProduct /> : <KeptProduct id={id} />;
}

/** The one that was used last on this machine. */
function lastCurrency(): Currency {
  try {
    const kept = localStorage.getItem(CURRENCY_KEY) ?? '';
    return isCurrency(kept) ? kept : 'EUR';
  } catch {
    return 'EUR';
  }
}

function keepCurrency(currency: Currency): void {
  try {
    localStorage.setItem(CURRENCY_KEY, currency);
  } catch {
    // Storage is forbidden here: the next one begins with euros.
  }
}

function NewProduct(): ReactNode {
  const client = useClient();
  const { go } = useRouter();
  const [initial] = useState(() => emptyDraft(lastCurrency()));
  const form = useForm<Draft>({
    initial,
    validate: problems,
    placeOf,
    submit: async (draft) => {
      const product = await client.products.create(inputOf(draft));
      keepCurrency(draft.currency);
      go(`/products/${product.id}`, { replace: true });
    },
  });
  return (
    <Page title="New product" back={BACK} narrow>
      <ProductForm form={form} action="Make the product" stock />
    </Page>
  );
}

function KeptProduct({ id }: { id: string }): ReactNode {
  const client = useClient();
  const resource = useResource(`product:${id}`, (signal) => client.products.get(id, { signal }));
  const { data: product, error, reload } = resource;
  useHappenings({ streams: [`products/${id}`] }, reload);
  if (!product) {
    return (
      <Page title="Product" back={BACK}>
        {error !== undefined ? <ErrorNote error={error} retry={reload} /> : <Skeleton rows={6} />}
      </Page>
    );
  }
  return <EditProduct product={product} onChange={resource.set} />;
}

function EditProduct({ product, onChange }: { product: Product; onChange(product: Product): void }): ReactNode {
  const client = useClient();
  const can = useCan();
  const archived = product.archived_at !== null;
  const [saved, setSaved] = useState(false);
  // The stock has a form of its own.
  const draft = { ...draftOf(product), stock: '0' };
  const form = useForm<Draft>({
    initial: draft,
    validate: problems,
    placeOf,
    submit: async (typed) => {
      const changed = await client.products.update(product.id, changesOf(typed), { version: base.version });
      onChange(changed);
      form.replace({ ...draftOf(changed), stock: '0' });
      setSaved(true);
    },
  });
  const base = useBase(form, { version: product.version, draft });
  return (
    <Page
      title={product.name}
      back={BACK}
      actions={can('products:write') && <Life product={product} onChange={onChange} />}
    >
      {archived && (
        <Note>Archived: it cannot be ordered. Orders that name it keep it. Restore it to sell it again.</Note>
      )}
      {base.theirs && <Theirs onShow={base.fill} />}
      <div className="agent-columns">
        <div>
          <ProductForm
            form={form}
            action="Save"
            locked={!can('products:write') || archived}
            note={saved && !form.dirty ? 'Saved.' : undefined}
          />
        </div>
        <div className="aside">
          <Picture url={form.problem('image_url') ? null : form.values.image_url} size="large" />
          <Stock product={product} onChange={onChange} />
          <Facts product={product} />
        </div>
      </div>
    </Page>
  );
}

/** Archive and restore. */
function Life({ product, onChange }: { product: Product; onChange(product: Product): void }): ReactNode {
  const client = useClient();
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const restore = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      onChange(await client.products.update(product.id, { archived: false }));
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      {error !== undefined && <ErrorNote error={error} />}
      {product.archived_at === null ? (
        <Button icon="archive" onClick={() => setAsking(true)}>
          Archive
        </Button>
      ) : (
        <Button icon="archive" busy={busy} onClick={() => void restore()}>
          Restore
        </Button>
      )}
      {asking && (
        <Confirm
          title={`Archive ${product.name}?`}
          action="Archive it"
          look="primary"
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            await client.products.archive(product.id);
            onChange(await client.products.get(product.id));
          }}
        >
          <p>Nobody can order it any more. Orders that were placed go on, and you can restore it.</p>
        </Confirm>
      )}
    </>
  );
}

type FormProps = { form: Form<Draft>; action: string; stock?: boolean; locked?: boolean; note?: string | undefined };

function ProductForm({ form, action, stock = false, locked = false, note }: FormProps): ReactNode {
  return (
    <form className="stack" onSubmit={(event) => void form.submit(event)} noValidate>
      <fieldset className="bare stack" disabled={locked}>
        <Fields form={form} stock={stock} />
      </fieldset>
      {form.error !== undefined && <ErrorNote error={form.error} />}
      {form.rest(isShown).map((problem) => (
        <p key={problem} className="problem">
          {problem}
        </p>
      ))}
      {!locked && (
        <div className="form-foot">
          <Button type="submit" look="primary" busy={form.busy}>
            {action}
          </Button>
          <span role="status" className={form.tried && !form.valid ? 'problem' : 'faint'}>
            {form.tried && !form.valid ? 'Something above is not right yet.' : note}
          </span>
        </div>
      )}
    </form>
  );
}

const SHOWN = new Set(['name', 'sku', 'description', 'price', 'currency', 'stock', 'image_url']);
const isShown = (place: string): boolean => SHOWN.has(place) || place.startsWith('attributes.');
