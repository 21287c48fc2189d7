import type { ReactNode } from 'react';
import { EVENT_TYPES, TOPICS } from '../../lib/event-types.ts';
import type { Form } from '../../lib/form.ts';
import { listed } from '../../lib/format.ts';
import { useCan } from '../../lib/session.tsx';
import { Choices, TextField } from '../../ui/controls.tsx';
import type { Draft } from './form.ts';

/** Where to, and which events. */
export function Fields({ form }: { form: Form<Draft> }): ReactNode {
  const { url, description, some } = form.values;
  return (
    <>
      <TextField
        label="Address"
        type="url"
        inputMode="url"
        placeholder="https://example.org/parley"
        spellCheck={false}
        autoComplete="off"
        hint="Each event is POSTed there, signed, and tried again for three days while it fails."
        value={url}
        problem={form.problem('url')}
        onChange={(event) => form.set('url', event.target.value)}
        onBlur={() => form.touch('url')}
      />
      <TextField
        label="What it is for"
        optional
        maxLength={500}
        value={description}
        problem={form.problem('description')}
        onChange={(event) => form.set('description', event.target.value)}
      />
      <Choices<'all' | 'some'>
        label="Events"
        name="types"
        value={some ? 'some' : 'all'}
        choices={[
          { value: 'all', title: 'Whatever happens', text: 'Every type, new ones too, but not sign-ins and the like.' },
          { value: 'some', title: 'Only some types', text: 'Those that you choose.' },
        ]}
        onChange={(value) => form.set('some', value === 'some')}
      />
      {some && <Types form={form} />}
    </>
  );
}

function Types({ form }: { form: Form<Draft> }): ReactNode {
  const can = useCan();
  const { types } = form.values;
  const topics = TOPICS.filter((topic) => topic !== 'identity' || can('audit:read'));
  const toggle = (type: string, on: boolean): void => {
    form.set('types', on ? [...types, type] : types.filter((one) => one !== type));
    form.touch('types');
  };
  const problem = form.problem('types');
  return (
    <div className="field">
      <div className="type-groups">
        {topics.map((topic) => (
          <fieldset key={topic} className="bare">
            <legend>{topic}</legend>
            {EVENT_TYPES[topic].map((type) => (
              <label key={type} className="tick">
                <input
                  type="checkbox"
                  checked={types.includes(type)}
                  onChange={(event) => toggle(type, event.target.checked)}
                />
                <span>{type}</span>
              </label>
            ))}
          </fieldset>
        ))}
      </div>
      {problem ? (
        <p className="problem" role="alert">
          {problem}
        </p>
      ) : (
        types.length > 0 && <p className="hint">Chosen: {listed([...types].sort())}.</p>
      )}
    </div>
  );
}
