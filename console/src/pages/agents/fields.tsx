import type { ReactNode } from 'react';
import type { Form } from '../../lib/form.ts';
import { Button, IconButton, Select, TextArea, TextField } from '../../ui/controls.tsx';
import { Pairs } from '../../ui/pairs.tsx';
import { type Draft, MOST_FACTS, MOST_FALLBACKS, type TextName } from './form.ts';
import { useModels } from './model-field.tsx';

const field = (form: Form<Draft>, name: TextName) => ({
  value: form.values[name],
  problem: form.problem(name),
  onChange: (event: { target: { value: string } }) => {
    form.set(name, event.target.value);
    form.touch(name);
  },
  onBlur: () => form.touch(name),
});

/** What speaks in the agent's place when its model cannot be had: the first that answers. */
export function Fallbacks({ form }: { form: Form<Draft> }): ReactNode {
  const { fallbacks } = form.values;
  const offered = useModels();
  const set = (next: string[]): void => form.set('fallbacks', next);
  return (
    <fieldset className="bare field">
      <legend className="section-title">
        If it cannot be had <span className="optional">optional</span>
      </legend>
      {fallbacks.length > 0 && (
        <ol className="line-list">
          {fallbacks.map((model, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a place in an order, whatever is typed there
            <li key={i}>
              <span className="seat-number">{i + 1}</span>
              <input
                aria-label={`Fallback ${i + 1}`}
                aria-invalid={form.live(`fallbacks.${i}`) && model !== '' ? true : undefined}
                list="known-models"
                value={model}
                spellCheck={false}
                autoCapitalize="none"
                placeholder="provider/model"
                onChange={(event) => set(fallbacks.map((other, at) => (at === i ? event.target.value : other)))}
              />
              <IconButton
                icon="close"
                label={`Remove fallback ${i + 1}`}
                onClick={() => set(fallbacks.filter((_, at) => at !== i))}
              />
              {(model !== '' || form.tried) && form.live(`fallbacks.${i}`) && (
                <p className="problem">{form.live(`fallbacks.${i}`)}</p>
              )}
            </li>
          ))}
        </ol>
      )}
      <datalist id="known-models">
        {offered.map((id) => (
          <option key={id} value={id} />
        ))}
      </datalist>
      <div className="form-foot">
        <Button
          look="quiet"
          icon="plus"
          disabled={fallbacks.length >= MOST_FALLBACKS}
          onClick={() => set([...fallbacks, ''])}
        >
          Add a fallback model
        </Button>
      </div>
      <p className="hint">Tried in this order, before the first word only: what was begun is never said twice.</p>
    </fieldset>
  );
}

/** What most agents never need, out of the way until one does. */
export function FineTuning({ form }: { form: Form<Draft> }): ReactNode {
  const { temperature, top_p, max_tokens, seed, stop } = form.values;
  const tuned = [temperature, top_p, max_tokens, seed, stop].some((value) => value !== '');
  return (
    <details className="more" open={tuned || undefined}>
      <summary>Fine tuning</summary>
      <div className="grid-2">
        <TextField
          label="Temperature"
          optional
          inputMode="decimal"
          placeholder="the model’s own"
          {...field(form, 'temperature')}
        />
        <TextField label="Top p" optional inputMode="decimal" placeholder="the model’s own" {...field(form, 'top_p')} />
        <TextField
          label="Longest answer"
          optional
          inputMode="numeric"
          hint="In tokens."
          {...field(form, 'max_tokens')}
        />
        <TextField
          label="Seed"
          optional
          inputMode="numeric"
          hint="Same seed, same answer, where the model can."
          {...field(form, 'seed')}
        />
        <TextArea label="Stop at" optional rows={2} hint="One a line, at most four." {...field(form, 'stop')} />
      </div>
    </details>
  );
}

/** What it is given to remember, where that differs from what the discussion says. */
export function MemoryFields({ form }: { form: Form<Draft> }): ReactNode {
  const { window, summary, retrieval } = form.values;
  return (
    <details className="more" open={[window, summary, retrieval].some((value) => value !== '') || undefined}>
      <summary>Memory</summary>
      <div className="stack">
        <p className="hint">Left open, each discussion says what its speakers are given.</p>
        <div className="grid-2">
          <TextField
            label="Last messages"
            optional
            inputMode="numeric"
            placeholder="as the discussion says"
            hint="The newest so many, word by word."
            {...field(form, 'window')}
          />
          <TextField
            label="Passages looked up"
            optional
            inputMode="numeric"
            placeholder="as the discussion says"
            hint="From the documents and from earlier messages; at most 20."
            {...field(form, 'retrieval')}
          />
        </div>
        <Select
          label="Summary of what came before"
          optional
          value={summary}
          problem={form.problem('summary')}
          onChange={(event) => form.set('summary', event.target.value as Draft['summary'])}
        >
          <option value="">as the discussion says</option>
          <option value="yes">yes</option>
          <option value="no">no</option>
        </Select>
      </div>
    </details>
  );
}

/** Facts of one's own, kept with the agent and never told to a model. */
export function MetadataFields({ form }: { form: Form<Draft> }): ReactNode {
  const { metadata } = form.values;
  return (
    <details className="more" open={metadata.length > 0 || undefined}>
      <summary>Metadata</summary>
      <div className="stack">
        <p className="hint">
          Facts of your own, for your programs. No model is told. 12, true and null are kept as such.
        </p>
        <Pairs
          noun="fact"
          pairs={metadata}
          onChange={(next) => form.set('metadata', next)}
          most={MOST_FACTS}
          problem={(at) => form.live(`metadata.${at}`)}
          tried={form.tried}
          example={{ key: 'team', value: 'harbour' }}
        />
      </div>
    </details>
  );
}
