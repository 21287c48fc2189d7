import type { ReactNode } from 'react';
import type { Form } from '../../../lib/form.ts';
import { useResource } from '../../../lib/resource.tsx';
import { useClient } from '../../../lib/session.tsx';
import { Select } from '../../../ui/controls.tsx';
import { ModelField } from '../../agents/model-field.tsx';
import type { Draft } from '../draft.ts';

/** Any agent, at the table or not; or a model without a part of its own. */
export function ModeratorEditor({ form }: { form: Form<Draft> }): ReactNode {
  const client = useClient();
  const { data } = useResource('moderators', (signal) =>
    client.agents.list({ status: 'active', page_size: 100 }, { signal }),
  );
  const { moderator, moderator_model } = form.values;
  return (
    <div className="grid-2">
      <Select
        label="Moderator"
        value={moderator}
        problem={form.problem('moderator')}
        hint="It proposes a name after every turn. What is no name of a participant does not count."
        onChange={(event) => form.set('moderator', event.target.value)}
      >
        <option value="">a model alone</option>
        {(data?.items ?? []).map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </Select>
      {moderator === '' && (
        <ModelField
          label="Its model"
          value={moderator_model}
          problem={form.live('moderator_model')}
          onChange={(model) => form.set('moderator_model', model)}
        />
      )}
    </div>
  );
}

/** Who goes on when nobody was called. */
export function FallbackEditor({ form }: { form: Form<Draft> }): ReactNode {
  const { seats, fallback } = form.values;
  return (
    <Select
      label="When nobody is called"
      value={fallback}
      problem={form.problem('fallback')}
      hint="Speakers are told whom they may call, and how."
      onChange={(event) => form.set('fallback', event.target.value)}
    >
      <option value="">whoever is next in order</option>
      {seats.map(({ key, name }) => (
        <option key={key} value={key}>
          {name}
        </option>
      ))}
    </Select>
  );
}
