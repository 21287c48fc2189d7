import type { ReactNode } from 'react';
import type { Form } from '../../../lib/form.ts';
import { Choices, TextField } from '../../../ui/controls.tsx';
import { ModelField } from '../../agents/model-field.tsx';
import type { Draft, OnPost } from '../draft.ts';

type NumberField =
  | 'max_turns'
  | 'max_tokens'
  | 'max_cost_usd'
  | 'max_minutes'
  | 'turn_timeout_seconds'
  | 'window'
  | 'retrieval';

const numberField = (form: Form<Draft>, name: NumberField) => ({
  value: form.values[name],
  problem: form.live(name),
  onChange: (event: { target: { value: string } }) => form.set(name, event.target.value),
});

/** When it is over. */
export function Ends({ form }: { form: Form<Draft> }): ReactNode {
  return (
    <fieldset className="bare stack">
      <legend className="section-title">It ends after</legend>
      <div className="grid-4">
        <TextField label="Turns" inputMode="numeric" placeholder="20" {...numberField(form, 'max_turns')} />
        <TextField label="Tokens" inputMode="numeric" placeholder="no limit" {...numberField(form, 'max_tokens')} />
        <TextField label="Minutes" inputMode="decimal" placeholder="no limit" {...numberField(form, 'max_minutes')} />
        <TextField
          label="US dollars"
          inputMode="decimal"
          placeholder="no limit"
          hint="Pauses there."
          {...numberField(form, 'max_cost_usd')}
        />
      </div>
    </fieldset>
  );
}

const ON_POST: readonly { value: OnPost; title: string; text: string }[] = [
  { value: 'enqueue', title: 'Queue', text: 'The speaker finishes; the next one hears it.' },
  { value: 'interrupt', title: 'Interrupt', text: 'The speaker stops, and what was said stays.' },
  { value: 'rollback', title: 'Roll back', text: 'What was said so far is dropped, and the turn begins anew.' },
  { value: 'reject', title: 'Reject', text: 'Nobody may interject while an agent speaks.' },
];

/** What most discussions never need. Opens by itself where something in it is not as usual. */
export function Advanced({ form }: { form: Form<Draft> }): ReactNode {
  const { values } = form;
  const memory = values.summary || [values.window, values.retrieval].some((typed) => typed !== '');
  const unusual =
    values.on_post !== 'enqueue' || values.on_turn_failure !== 'pause' || values.turn_timeout_seconds !== '';
  return (
    <div className="stack">
      <details className="more" open={unusual || undefined}>
        <summary>Interjections and failures</summary>
        <div className="stack">
          <Choices<OnPost>
            label="When somebody interjects while another speaks"
            name="on_post"
            compact
            value={values.on_post}
            onChange={(on_post) => form.set('on_post', on_post)}
            choices={ON_POST}
          />
          <Choices
            label="When an agent fails, after the retries"
            name="on_turn_failure"
            compact
            value={values.on_turn_failure}
            onChange={(value) => form.set('on_turn_failure', value)}
            choices={[
              { value: 'pause', title: 'Pause', text: 'Somebody looks at it and resumes.' },
              { value: 'skip', title: 'Skip', text: 'The next speaker goes on.' },
            ]}
          />
          <div className="narrow-form">
            <TextField
              label="Longest turn, in seconds"
              optional
              inputMode="decimal"
              placeholder="120"
              hint="Also how long a person or a seat is waited for."
              {...numberField(form, 'turn_timeout_seconds')}
            />
          </div>
        </div>
      </details>
      <details className="more" open={memory || undefined}>
        <summary>Memory</summary>
        <Memory form={form} />
      </details>
    </div>
  );
}

function Memory({ form }: { form: Form<Draft> }): ReactNode {
  const { values } = form;
  return (
    <div className="stack">
      <p className="hint">What each speaker is given before a turn. An agent may have settings of its own.</p>
      <div className="grid-2">
        <TextField
          label="Last messages"
          optional
          inputMode="numeric"
          placeholder="40"
          hint="The newest so many are heard word by word."
          {...numberField(form, 'window')}
        />
        <TextField
          label="Passages looked up"
          optional
          inputMode="numeric"
          placeholder="0"
          hint="The best so many from the documents and from earlier messages; at most 20."
          {...numberField(form, 'retrieval')}
        />
      </div>
      <label className="tick">
        <input
          type="checkbox"
          checked={values.summary}
          onChange={(event) => form.set('summary', event.target.checked)}
        />
        <span>
          <strong>Keep a summary</strong>
          <span className="hint">of everything before those messages. It costs a model call now and then.</span>
        </span>
      </label>
      {values.summary && (
        <div className="narrow-form">
          <ModelField
            label="Who summarises"
            value={values.summary_model}
            problem={form.live('summary_model')}
            onChange={(model) => form.set('summary_model', model)}
          />
        </div>
      )}
    </div>
  );
}
