import type { ReactNode } from 'react';
import type { Form } from '../../lib/form.ts';
import { amountOf, CURRENCIES, currencyName, isCurrency, money, places } from '../../lib/money.ts';
import { Select, TextArea, TextField } from '../../ui/controls.tsx';
import { Pairs } from '../../ui/pairs.tsx';
import { type Draft, MOST_ATTRIBUTES } from './form.ts';

type TextName = { [K in keyof Draft]: Draft[K] extends string ? K : never }[keyof Draft];

const field = (form: Form<Draft>, name: Exclude<TextName, 'currency'>) => ({
  value: form.values[name],
  problem: form.problem(name),
  onChange: (event: { target: { value: string } }) => {
    form.set(name, event.target.value);
    form.touch(name);
  },
  onBlur: () => form.touch(name),
});

/** What a product is; with `stock` how many there are to begin with. */
export function Fields({ form, stock }: { form: Form<Draft>; stock: boolean }): ReactNode {
  return (
    <>
      <TextField label="Name" maxLength={200} autoComplete="off" {...field(form, 'name')} />
      <Price form={form} />
      <div className="grid-2">
        <TextField
          label="SKU"
          optional
          maxLength={64}
          spellCheck={false}
          autoCapitalize="none"
          hint="Your own number for it; nothing else may have the same."
          {...field(form, 'sku')}
        />
        {stock && (
          <TextField label="Stock" inputMode="numeric" hint="Pieces that can be ordered." {...field(form, 'stock')} />
        )}
      </div>
      <TextArea label="Description" optional rows={5} className="prose-input" {...field(form, 'description')} />
      <TextField
        label="Picture"
        optional
        type="url"
        inputMode="url"
        placeholder="https://"
        spellCheck={false}
        hint="Its address. The picture stays where it is; each browser fetches it from there."
        {...field(form, 'image_url')}
      />
      <Attributes form={form} />
    </>
  );
}

/** Typed as one writes it in this currency; below it what is sent. */
function Price({ form }: { form: Form<Draft> }): ReactNode {
  const { price, currency } = form.values;
  const amount = amountOf(price, currency);
  return (
    <div className="price-fields">
      <TextField
        label="Price"
        inputMode={places(currency) === 0 ? 'numeric' : 'decimal'}
        autoComplete="off"
        placeholder={places(currency) === 0 ? '1999' : `19.${'9'.repeat(places(currency))}`}
        hint={
          'amount' in amount ? `${money({ ...amount, currency })}, kept as ${amount.amount} minor units.` : undefined
        }
        {...field(form, 'price')}
      />
      <Select
        label="Currency"
        value={currency}
        problem={form.problem('currency')}
        onChange={(event) => {
          if (isCurrency(event.target.value)) form.set('currency', event.target.value);
        }}
      >
        {CURRENCIES.map((code) => (
          <option key={code} value={code}>
            {code} · {currencyName(code)}
          </option>
        ))}
      </Select>
    </div>
  );
}

/** Facts of one's own: colour, weight, vegan. */
function Attributes({ form }: { form: Form<Draft> }): ReactNode {
  return (
    <fieldset className="bare field">
      <legend className="section-title">
        Attributes <span className="optional">optional</span>
      </legend>
      <Pairs
        noun="attribute"
        pairs={form.values.attributes}
        onChange={(next) => form.set('attributes', next)}
        most={MOST_ATTRIBUTES}
        problem={(at) => form.live(`attributes.${at}`)}
        tried={form.tried}
        example={{ key: 'origin', value: 'Darjeeling' }}
      />
      <p className="hint">Facts of your own. 12 and true are kept as such, anything else as text.</p>
    </fieldset>
  );
}
